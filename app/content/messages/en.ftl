# What the interface says, in Fluent (https://projectfluent.org). English is the reference: every other language has the
# same messages with the same variables, or the build fails and says which are missing.
#
# A message becomes a typed function of `Lang`. A variable that chooses among variants is a count, and the others are
# whatever can be written. `{ $element }` stands where the page puts an element into the sentence; text between backticks
# is a key of the keyboard.

## The language itself

language = English
this-page-in-language = This page in English
# Shown on pages of languages into which the prose has not been translated.
prose-is-english = The text of the book is in English.
noscript = The text of this book reads without JavaScript. The experiments need it, because they compute on your device.

## Pages: their names, titles and descriptions

page-home = Prologue
page-map = The rhyme map
page-papers = Papers
page-glossary = Glossary
page-verify = Checked on your device
page-bench = Timed on your device
title-home = The Field Rhymes: an explorable edition
title-act = Act { $numeral }: { $title } · The Field Rhymes
title-chapter = { $number }. { $title } · The Field Rhymes
title-embed = The exhibit of chapter { $number }, { $title } · The Field Rhymes
title-page = { $name } · The Field Rhymes
title-idea = { $name } · The Field Rhymes
title-not-found = Not found · The Field Rhymes
about-home = Modern machine learning in seven acts and ninety-three ideas, made to run live in the page.
about-act = { $question }
about-chapter = { $question }
about-map = Ninety-three ideas of machine learning, and which of them answers the limits of which.
about-idea = { $name } ({ $year }): what stood in the way, what the idea does about it, and what it made necessary. Chapter { $chapter }.
about-papers = The papers and books behind the ninety-three ideas, in the order of their years.
about-glossary = The terms of the book, each in one plain sentence.
about-verify = Runs the site's arithmetic on your own device and compares it with a plain reference.
about-bench = Times the site's kernels on your own device, against what it can copy and compute at most.
preview-alt = The Field Rhymes: modern machine learning in seven acts, made to run in the page

## What surrounds a page

skip = Skip to the text
contents = Contents
act = Act { $numeral }
act-titled = Act { $numeral } · { $title }
chapter = Chapter { $number }
chapter-titled = Chapter { $number }, { $title }
everything-here = Everything on these pages computes on your own device; nothing you type leaves it.
check-the-arithmetic = Check the arithmetic
with-exhibit = , with a live exhibit
key-live = computes in the page
key-read = read
read-mark = , read
turning = Before and after
turning-before = Before
turning-next = Next
notice-note = Note
notice-problem = Problem
dismiss = Dismiss
close = Close
gpu-lost = The GPU was lost ({ $reason }). It is being opened again; nothing you entered is gone.

## What is kept, and what did not come

kept = This device keeps the whole text: it reads without a network from now on.
renewed = A newer edition of the book has arrived. The page loads again to show it.
renew = Read the newer edition
later = Later
part-failed = Not loaded
part-failed-why = A part of this page's program did not come. Check the connection, then try again; the text reads on without it.
try-again = Try again

## The device

device = Device
device-idle = idle
device-unknown = not known yet
device-adapter = Adapter
device-adapter-none = none in use
device-tier = Tier
device-tier-cpu = CPU, one thread
device-last-on = Last step ran on
device-last-took = Last step took
device-memory = Memory held

## How the page is read

reading = Reading
theme = Theme
theme-system = System
theme-light = Light
theme-dark = Dark
theme-contrast = Contrast
text-size = Text size
size-normal = Normal
size-large = Large
size-largest = Largest
line-width = Line width
width-normal = Normal
width-narrow = Narrow
width-wide = Wide
walk = Of each chapter
walk-whole = Whole chapters
walk-quick = Quick walk
walk-note = A quick walk shows only the trick and the exhibit.
languages = Language
keys-turn = `[` and `]` turn the page
chapters-read = { $element } of { $total } chapters read. Kept in this browser only.
download = Download
erase = Erase
erase-sure = Erase for good?

## Search

search = Search
search-the-book = Search the book
search-placeholder = Chapters, ideas, papers, terms, text
search-coming = The index is on its way.
search-failed = The index did not come: { $why }. Close this, check the connection, and open it again.
search-invitation = Type a few letters of a title, an author, or words of the text. Arrows choose, Enter goes there.
search-found = { $count ->
    [0] Nothing in the book answers that. Try fewer or other words.
    [1] 1 result
   *[other] { $count } results
}
search-results = Results
kind-chapter = Chapter
kind-act = Act
kind-idea = Idea
kind-paper = Paper
kind-term = Term
kind-page = Page
kind-text = Text
place-in-chapter = Chapter { $number }, { $part }
place-in-act = Act { $numeral }, { $part }
part-opening = opening
part-closing = closing

## The prologue

cover-kicker = An explorable edition
cover-lede = Modern machine learning in seven acts and ninety-three ideas, made to run on your own machine.
cover-start = Start with attention
cover-first-act = Read from the first act
cover-map = See how the ideas rhyme
live = live
toc-note = A chapter marked { $element } has an exhibit that computes in the page; the others are text for now.
home-progress-none = Chapters you have read, kept in this browser only: none.
home-progress = Chapters you have read, kept in this browser only: { $count }.

## An act

act-opening = Opening
act-chapters = The chapters
act-closing = Closing
check-kicker = Before you go on
check-title = Answer these from memory
check-count = { $known } of { $total } known. Kept in this browser only.
check-show = Show an answer
check-back = Back to chapter { $number }
check-how = How did it go?
check-knew = Knew it
check-not-yet = Not yet

## A chapter

beat-puzzle = The puzzle
beat-bad-attempt = The bad attempt
beat-trick = The trick
beat-maths = The maths as sanity check
beat-unmentioned = The thing nobody mentions
walk-here = This is a quick walk: only the trick and the exhibit of each chapter.
walk-read-whole = Read the whole chapter
walk-leave = Leave the quick walk
unbuilt = The exhibit of this chapter is not built yet. The text reads on without it.
answers = answers
makes-necessary = makes necessary
ideas-here = Ideas in this chapter
thread-starts = nothing before it: a thread starts here
have-read = I have read chapter { $number }
text-missing = The text of this page did not come ({ $why }). Check the connection, then reload.
copy-latex = Copy LaTeX
copied = Copied
copy-refused = The browser did not let the page copy. Here it is, to copy by hand: { $text }

## An exhibit elsewhere

share = Share
share-link = Copy the link
share-frame = For another page
share-copy-frame = Copy the frame
share-copied = Copied.
share-refused = The browser did not let the page copy: take it from the box.
embed-from = From The Field Rhymes, chapter { $number }

## An idea

idea-wall = What stood in the way
idea-answer = What it does about it
credited-to = Usually credited to
why-kicker = Why does it exist?
why-title = The walls behind it
on-the-map = See it on the map

## Lists

papers-kicker = Where it was first said
papers-lede = The work each idea is usually credited to, by year. Credit is often shared, and the chapters say where it is disputed; they name many more papers in their text.
glossary-kicker = In one sentence each

## Proofs

verify-kicker = Trust, but check
verify-lede = Every operation of this book exists twice: as a program for the graphics processor, and as plain loops that can be read and believed.
verify-heading = Both, side by side
bench-kicker = How fast is it here?
bench-lede = Two programs find the ceilings: one only copies, one only multiplies and adds. Everything else the book computes lies somewhere below them.
bench-heading = Between two ceilings

## Nothing there

lost-kicker = Not found
lost-title = This page is not in the book
lost-lede = The address names no page. The contents list everything there is.
lost-back = To the contents

## The map

map-kicker = Ninety-three ideas
map-lede = Every idea is here because an earlier one ran into a wall. Follow any of them back, and see what it made necessary in turn.
map-find = Find an idea
map-one-act = Show one act
map-act = Act { $numeral }, { $title }
map-all = All
map-size = Size
map-smaller = Smaller
map-larger = Larger
map-whole = Whole map
map-legend-point = Point at an idea, or open it, to see
map-legend-before = the walls it goes back to, and
map-legend-after = what came of it.
map-legend-open = Opened, it says why it exists.
map-legend-list = All of it as a list
map-keys = `Tab` to an idea, arrows: left to what it answers, right to what it made necessary, up and down in reading order. `Enter` opens, `w` asks why, `+` `-` `0` size.
map-name = The map
map-picture = Ninety-three ideas in seven acts. Each is a link; lines join it to what it answers.
map-found = Found
map-found-count = { $count ->
    [0] No idea has this in its name.
    [1] One idea
   *[other] { $count } ideas
}
map-more = and { $count } more on the map
map-starts = Nothing before it in this book: a thread starts here.
map-nothing-yet = Nothing yet in this book.
map-wall = What stood in the way
map-answer = What the idea does
map-answers = It answers the limits of
map-necessary = It made necessary
map-page = The page of this idea
map-why = Why does it exist?
map-step = Step
map-next-step = Next step
map-start-again = Start again
map-all-at-once = All at once
map-steps = { $count ->
    [1] One step: a thread starts here
   *[other] { $count } steps back to where the thread starts
}
map-step-of = Step { $taken } of { $count }
map-thread-start = Here the thread starts.
map-limit-of = A limit of { $element }.
map-which = Which limit to follow
map-choose = A limit of one of these; follow either:
list-answers = answers the limits of
list-necessary = made necessary
list-thread = goes back by
