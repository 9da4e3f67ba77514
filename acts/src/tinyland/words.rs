//! The words of Tinyland, in English and in Indonesian. The pools never change with the seed; only the facts do, so that one
//! tokenizer serves every world.

/// A word in both languages: `(English, Indonesian)`.
pub type Pair = (&'static str, &'static str);

/// A noun: `(singular, plural, Indonesian)`. Indonesian has one form for both.
pub type Noun = (&'static str, &'static str, &'static str);

/// A verb without an object: `(third person singular, plural, Indonesian)`.
pub type Verb = (&'static str, &'static str, &'static str);

/// The people. None of them is anybody.
pub const PEOPLE: [&str; 32] = [
    "mira", "tovo", "lune", "nilo", "sela", "rano", "pim", "odo", "kesi", "bela", "timo", "yara", "hugo", "lila",
    "veda", "jon", "suri", "goro", "noa", "pia", "dami", "ruta", "olin", "fen", "zuri", "kato", "ivo", "wren", "tala",
    "beni", "moss", "eli",
];

/// The countries. Like the towns they are invented, and a likeness to a real place means nothing.
pub const COUNTRIES: [&str; 16] = [
    "luma", "veria", "tarn", "osmia", "kelland", "dorin", "pelia", "marland", "quen", "solia", "norland", "beria",
    "haland", "zamia", "ruland", "fenia",
];

/// The towns. A world makes the first sixteen that it draws capitals.
pub const TOWNS: [&str; 24] = [
    "orla", "denby", "kelby", "runa", "selton", "tarby", "nolby", "belford", "lorford", "halby", "marby", "dorna",
    "virna", "selby", "welton", "larna", "ferby", "kelton", "marton", "denford", "norford", "tarna", "lorby", "pelton",
];

/// The animals.
pub const ANIMALS: [Noun; 17] = [
    ("cat", "cats", "kucing"),
    ("dog", "dogs", "anjing"),
    ("bird", "birds", "burung"),
    ("horse", "horses", "kuda"),
    ("cow", "cows", "sapi"),
    ("goat", "goats", "kambing"),
    ("frog", "frogs", "katak"),
    ("snake", "snakes", "ular"),
    ("tiger", "tigers", "harimau"),
    ("monkey", "monkeys", "monyet"),
    ("bear", "bears", "beruang"),
    ("lion", "lions", "singa"),
    ("ant", "ants", "semut"),
    ("bee", "bees", "lebah"),
    ("whale", "whales", "paus"),
    ("eagle", "eagles", "elang"),
    ("swan", "swans", "angsa"),
];

/// People without a name, who wait at the edges of sentences.
pub const STRANGERS: [Noun; 6] = [
    ("girl", "girls", "gadis"),
    ("king", "kings", "raja"),
    ("queen", "queens", "ratu"),
    ("friend", "friends", "teman"),
    ("guest", "guests", "tamu"),
    ("farmer", "farmers", "petani"),
];

/// Things that stand around and are easily found beside one another.
pub const THINGS: [Noun; 7] = [
    ("house", "houses", "rumah"),
    ("tree", "trees", "pohon"),
    ("river", "rivers", "sungai"),
    ("boat", "boats", "perahu"),
    ("garden", "gardens", "taman"),
    ("stone", "stones", "batu"),
    ("lamp", "lamps", "lampu"),
];

/// Colours.
pub const COLOURS: [Pair; 7] = [
    ("red", "merah"),
    ("blue", "biru"),
    ("green", "hijau"),
    ("yellow", "kuning"),
    ("white", "putih"),
    ("black", "hitam"),
    ("purple", "ungu"),
];

/// What people and animals like to eat. In Tinyland anyone may eat anything.
pub const FOODS: [Pair; 7] = [
    ("bread", "roti"),
    ("rice", "nasi"),
    ("fish", "ikan"),
    ("honey", "madu"),
    ("cheese", "keju"),
    ("grass", "rumput"),
    ("cake", "kue"),
];

/// What people do all day.
pub const JOBS: [Pair; 6] = [
    ("teacher", "guru"),
    ("doctor", "dokter"),
    ("farmer", "petani"),
    ("sailor", "pelaut"),
    ("painter", "pelukis"),
    ("cook", "koki"),
];

/// Where animals live.
pub const PLACES: [Pair; 6] = [
    ("forest", "hutan"),
    ("river", "sungai"),
    ("sea", "laut"),
    ("field", "ladang"),
    ("garden", "taman"),
    ("lake", "danau"),
];

/// How a subject may be found to be. No fact of the world is about these, so a sentence can never contradict one.
pub const STATES: [Pair; 9] = [
    ("hungry", "lapar"),
    ("happy", "senang"),
    ("tired", "lelah"),
    ("wet", "basah"),
    ("lost", "hilang"),
    ("cold", "dingin"),
    ("warm", "hangat"),
    ("sick", "sakit"),
    ("ready", "siap"),
];

/// Words before a noun.
pub const SIZES: [&str; 3] = ["small", "big", "old"];

/// What a subject may do.
pub const VERBS: [Verb; 6] = [
    ("sleeps", "sleep", "tidur"),
    ("sits", "sit", "duduk"),
    ("runs", "run", "lari"),
    ("stays", "stay", "tinggal"),
    ("falls", "fall", "jatuh"),
    ("dances", "dance", "menari"),
];

/// What happened between two; the past tense has one form, so it gives no number away.
pub const PAST: [Pair; 4] =
    [("saw", "melihat"), ("helped", "membantu"), ("followed", "mengikuti"), ("found", "menemukan")];

/// Where a thing is, from another.
pub const BESIDE: [Pair; 4] =
    [("near", "di dekat"), ("behind", "di belakang"), ("under", "di bawah"), ("beside", "di samping")];

/// The Indonesian for an English word of a list of pairs; the word itself if it is not there.
pub fn indonesian(pairs: &[Pair], english: &'static str) -> &'static str {
    pairs.iter().find(|pair| pair.0 == english).map_or(english, |pair| pair.1)
}

/// The noun whose singular is `singular`.
pub fn noun(nouns: &[Noun], singular: &str) -> Option<Noun> {
    nouns.iter().copied().find(|noun| noun.0 == singular)
}

/// `a` or `an`, as the word asks.
pub fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// Every word that a random list may hold: names, towns, countries, animals, things, foods, colours, states.
pub fn listable() -> Vec<&'static str> {
    let mut words: Vec<&str> = Vec::new();
    words.extend(PEOPLE);
    words.extend(COUNTRIES);
    words.extend(TOWNS);
    words.extend(ANIMALS.iter().chain(&STRANGERS).chain(&THINGS).map(|noun| noun.0));
    words.extend(COLOURS.iter().chain(&FOODS).chain(&STATES).map(|pair| pair.0));
    words
}
