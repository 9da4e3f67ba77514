# Bahasa Indonesia. Pesan acuannya ada di en.ftl.

## The language itself

language = Bahasa Indonesia
this-page-in-language = Halaman ini dalam bahasa Indonesia
prose-is-english = Isi buku ini berbahasa Inggris; antarmuka dan jawaban setiap gagasan berbahasa Indonesia.
noscript = Isi buku ini dapat dibaca tanpa JavaScript. Percobaannya memerlukan JavaScript, karena dihitung di perangkat Anda.

## Pages: their names, titles and descriptions

page-home = Prolog
page-map = Peta rima
page-papers = Makalah
page-glossary = Glosarium
page-verify = Diperiksa di perangkat Anda
page-bench = Diukur di perangkat Anda
title-home = The Field Rhymes: edisi untuk dijelajahi
title-act = Babak { $numeral }: { $title } · The Field Rhymes
title-chapter = Bab { $number }. { $title } · The Field Rhymes
title-embed = Peraga bab { $number }, { $title } · The Field Rhymes
title-page = { $name } · The Field Rhymes
title-idea = Gagasan: { $name } · The Field Rhymes
title-not-found = Tidak ditemukan · The Field Rhymes
about-home = Pembelajaran mesin modern dalam tujuh babak dan sembilan puluh tiga gagasan, yang berjalan langsung di halaman.
about-act = Satu babak dari The Field Rhymes, dengan isi berbahasa Inggris: { $question }
about-chapter = Satu bab dari The Field Rhymes, dengan isi berbahasa Inggris: { $question }
about-map = Sembilan puluh tiga gagasan pembelajaran mesin, dan gagasan mana yang menjawab keterbatasan gagasan mana.
about-idea = { $name } ({ $year }): apa yang menghalangi, apa yang dilakukan gagasan ini, dan apa yang kemudian diperlukan karenanya. Bab { $chapter }.
about-papers = Makalah dan buku di balik sembilan puluh tiga gagasan, menurut tahunnya.
about-glossary = Istilah-istilah buku ini, masing-masing dalam satu kalimat sederhana.
about-verify = Menjalankan perhitungan situs ini di perangkat Anda sendiri dan membandingkannya dengan acuan yang sederhana.
about-bench = Mengukur waktu kernel situs ini di perangkat Anda sendiri, dibandingkan dengan batas tertinggi menyalin dan menghitungnya.
preview-alt = The Field Rhymes: pembelajaran mesin modern dalam tujuh babak, yang berjalan di halaman

## What surrounds a page

skip = Langsung ke isi
contents = Daftar isi
act = Babak { $numeral }
act-titled = Babak { $numeral } · { $title }
chapter = Bab { $number }
chapter-titled = Bab { $number }, { $title }
everything-here = Semua yang ada di halaman ini dihitung di perangkat Anda sendiri; apa pun yang Anda ketik tidak keluar dari sana.
check-the-arithmetic = Periksa perhitungannya
with-exhibit = , dengan peraga hidup
key-live = menghitung di halaman
key-read = sudah dibaca
read-mark = , sudah dibaca
turning = Sebelum dan sesudah
turning-before = Sebelumnya
turning-next = Berikutnya
notice-note = Catatan
notice-problem = Masalah
dismiss = Tutup pesan
close = Tutup
gpu-lost = GPU terputus ({ $reason }). GPU sedang dibuka kembali; tidak ada masukan Anda yang hilang.

## What is kept, and what did not come

kept = Perangkat ini menyimpan isi buku: mulai sekarang buku terbaca tanpa jaringan, halaman berbahasa Indonesia setelah pernah dibuka.
renewed = Edisi buku yang lebih baru sudah datang. Halaman dimuat ulang untuk menampilkannya.
renew = Baca edisi baru
later = Nanti
part-failed = Tidak termuat
part-failed-why = Sebagian program halaman ini tidak sampai. Periksa sambungan, lalu coba lagi; isinya tetap dapat dibaca.
try-again = Coba lagi

## The device

device = Perangkat
device-idle = diam
device-unknown = belum diketahui
device-adapter = Adaptor
device-adapter-none = tidak ada yang dipakai
device-tier = Tingkat
device-tier-cpu = CPU, satu utas
device-last-on = Langkah terakhir di
device-last-took = Lama langkah terakhir
device-memory = Memori terpakai

## How the page is read

reading = Tampilan baca
theme = Tema
theme-system = Sistem
theme-light = Terang
theme-dark = Gelap
theme-contrast = Kontras
text-size = Ukuran teks
size-normal = Biasa
size-large = Besar
size-largest = Terbesar
line-width = Lebar baris
width-normal = Biasa
width-narrow = Sempit
width-wide = Lebar
walk = Dari setiap bab
walk-whole = Seluruh bab
walk-quick = Jalan cepat
walk-note = Jalan cepat hanya menampilkan kuncinya dan peraganya.
languages = Bahasa
keys-turn = `[` dan `]` membalik halaman
chapters-read = { $element } dari { $total } bab sudah dibaca. Hanya disimpan di peramban ini.
download = Unduh
erase = Hapus
erase-sure = Hapus selamanya?

## Search

search = Cari
search-the-book = Cari di buku ini
search-placeholder = Bab, gagasan, makalah, istilah, isi
search-coming = Indeks sedang diambil.
search-failed = Indeks tidak sampai: { $why }. Tutup jendela ini, periksa sambungan, lalu buka lagi.
search-invitation = Ketik beberapa huruf judul, nama penulis, atau kata-kata dari isi. Tombol panah memilih, Enter membukanya.
search-found = { $count ->
    [0] Tidak ada yang cocok di buku ini. Coba kata yang lebih sedikit atau kata lain.
   *[other] { $count } hasil
}
search-results = Hasil
kind-chapter = Bab
kind-act = Babak
kind-idea = Gagasan
kind-paper = Makalah
kind-term = Istilah
kind-page = Halaman
kind-text = Isi
place-in-chapter = Bab { $number }, { $part }
place-in-act = Babak { $numeral }, { $part }
part-opening = pembuka
part-closing = penutup

## The prologue

cover-kicker = Edisi untuk dijelajahi
cover-lede = Pembelajaran mesin modern dalam tujuh babak dan sembilan puluh tiga gagasan, yang berjalan di mesin Anda sendiri.
cover-start = Mulai dengan attention
cover-first-act = Baca dari babak pertama
cover-map = Lihat bagaimana gagasan berima
live = hidup
toc-note = Bab bertanda { $element } memiliki peraga yang menghitung di halaman; bab lain masih berupa teks.
home-progress-none = Bab yang sudah Anda baca, hanya disimpan di peramban ini: belum ada.
home-progress = Bab yang sudah Anda baca, hanya disimpan di peramban ini: { $count }.

## An act

act-opening = Pembuka
act-chapters = Bab-babnya
act-closing = Penutup
check-kicker = Sebelum melanjutkan
check-title = Jawab dari ingatan
check-count = { $known } dari { $total } diketahui. Hanya disimpan di peramban ini.
check-show = Tampilkan jawaban
check-back = Kembali ke bab { $number }
check-how = Bagaimana hasilnya?
check-knew = Tahu
check-not-yet = Belum

## A chapter

beat-puzzle = Teka-tekinya
beat-bad-attempt = Percobaan yang gagal
beat-trick = Kuncinya
beat-maths = Matematikanya sebagai pemeriksaan
beat-unmentioned = Yang tidak pernah disebut
walk-here = Ini jalan cepat: hanya kunci dan peraga setiap bab.
walk-read-whole = Baca seluruh bab
walk-leave = Tinggalkan jalan cepat
unbuilt = Peraga bab ini belum dibuat. Isinya dapat dibaca terus tanpanya.
answers = menjawab
makes-necessary = menuntut adanya
ideas-here = Gagasan dalam bab ini
thread-starts = tidak ada sebelumnya: sebuah utas bermula di sini
have-read = Saya sudah membaca bab { $number }
text-missing = Isi halaman ini tidak sampai ({ $why }). Periksa sambungan, lalu muat ulang.
copy-latex = Salin LaTeX
copied = Tersalin
copy-refused = Peramban tidak mengizinkan penyalinan. Salinlah sendiri dari sini: { $text }

## An exhibit elsewhere

share = Bagikan
share-link = Salin tautan
share-frame = Untuk halaman lain
share-copy-frame = Salin bingkai
share-copied = Tersalin.
share-refused = Peramban tidak mengizinkan penyalinan: ambillah dari kotak.
embed-from = Dari The Field Rhymes, bab { $number }

## An idea

idea-wall = Apa yang menghalangi
idea-answer = Apa yang dilakukannya
credited-to = Biasanya dikaitkan dengan
why-kicker = Mengapa gagasan ini ada?
why-title = Dinding-dinding di belakangnya
on-the-map = Lihat di peta

## Lists

papers-kicker = Tempat pertama kali dinyatakan
papers-lede = Karya yang biasanya dikaitkan dengan setiap gagasan, menurut tahun. Jasa sering kali milik bersama, dan bab-babnya menyebut bila hal itu diperdebatkan; isinya menyebut lebih banyak makalah lagi.
glossary-kicker = Masing-masing dalam satu kalimat

## Proofs

verify-kicker = Percaya, tetapi periksa
verify-lede = Setiap operasi buku ini ada dua kali: sebagai program untuk prosesor grafis, dan sebagai perulangan sederhana yang dapat dibaca dan dipercaya.
verify-heading = Keduanya berdampingan
bench-kicker = Seberapa cepat di sini?
bench-lede = Dua program mencari batas atasnya: yang satu hanya menyalin, yang lain hanya mengali dan menjumlah. Semua yang lain yang dihitung buku ini terletak di bawahnya.
bench-heading = Di antara dua batas

## Nothing there

lost-kicker = Tidak ditemukan
lost-title = Halaman ini tidak ada di buku
lost-lede = Alamat ini tidak menyebut halaman mana pun. Daftar isi memuat semua yang ada.
lost-back = Ke daftar isi

## The map

map-kicker = Sembilan puluh tiga gagasan
map-lede = Setiap gagasan ada di sini karena gagasan sebelumnya terbentur dinding. Telusuri yang mana pun ke belakang, dan lihat apa yang kemudian diperlukan karenanya.
map-find = Cari gagasan
map-one-act = Tampilkan satu babak
map-act = Babak { $numeral }, { $title }
map-all = Semua
map-size = Ukuran
map-smaller = Perkecil
map-larger = Perbesar
map-whole = Seluruh peta
map-legend-point = Tunjuk atau buka sebuah gagasan untuk melihat
map-legend-before = dinding-dinding yang melatarinya, dan
map-legend-after = apa yang lahir darinya.
map-legend-open = Bila dibuka, gagasan menyebut mengapa ia ada.
map-legend-list = Semuanya sebagai daftar
map-keys = `Tab` ke sebuah gagasan, tombol panah: kiri ke yang dijawabnya, kanan ke yang diperlukan karenanya, atas dan bawah menurut urutan baca. `Enter` membuka, `w` bertanya mengapa, `+` `-` `0` ukuran.
map-name = Peta
map-picture = Sembilan puluh tiga gagasan dalam tujuh babak. Masing-masing sebuah tautan; garis menghubungkannya dengan yang dijawabnya.
map-found = Ditemukan
map-found-count = { $count ->
    [0] Tidak ada gagasan dengan nama ini.
   *[other] { $count } gagasan
}
map-more = dan { $count } lagi di peta
map-starts = Tidak ada sebelumnya di buku ini: sebuah utas bermula di sini.
map-nothing-yet = Belum ada di buku ini.
map-wall = Apa yang menghalangi
map-answer = Apa yang dilakukan gagasan ini
map-answers = Menjawab keterbatasan
map-necessary = Menuntut adanya
map-page = Halaman gagasan ini
map-why = Mengapa gagasan ini ada?
map-step = Langkah
map-next-step = Langkah berikutnya
map-start-again = Mulai lagi
map-all-at-once = Semua sekaligus
map-steps = { $count ->
    [1] Satu langkah: sebuah utas bermula di sini
   *[other] { $count } langkah ke belakang sampai awal utas
}
map-step-of = Langkah { $taken } dari { $count }
map-thread-start = Di sini utas bermula.
map-limit-of = Keterbatasan { $element }.
map-which = Keterbatasan yang diikuti
map-choose = Keterbatasan salah satu dari ini; ikuti yang mana pun:
list-answers = menjawab keterbatasan
list-necessary = menuntut adanya
list-thread = kembali melalui
