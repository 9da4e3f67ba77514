//! What the pictures of Tinyland promise: that they never change, that nothing held out is in training, that captions tell the
//! truth, and that what is drawn has the area that it should.

use std::collections::HashSet;

use acts::tinyland::dice::{Dice, mix};
use acts::tinyland::pictures::{
    CAPTION_END, CAPTION_TOKENS, CaptionError, Colour, Form, HELD_OUT, LARGEST_BY, MOST_SHAPES, Overlap, RELATION_BY,
    Relation, SIDE, Scene, Shape, Size, caption_tokens, caption_vocabulary, caption_words, held_out, pairs,
};
use acts::tinyland::{Split, words};

/// How far the sum of a mask may be from the area of the shape, as a part of it: smooth edges cut corners off.
const AREA_MARGIN: f32 = 0.06;

/// The scenes of a few thousand seeds.
fn scenes(split: Split, count: u64) -> impl Iterator<Item = Scene> {
    (0..count).map(move |seed| Scene::draw(&mut Dice::new(&[seed]), split))
}

/// A number that depends on all that is in a scene.
fn fingerprint(scene: &Scene) -> u64 {
    scene.shapes.iter().fold(u64::from(scene.ground.to_bits()), |sum, shape| {
        let parts = [shape.radius.to_bits(), shape.x.to_bits(), shape.y.to_bits()];
        let classes = [shape.form.index() as u32, shape.colour.index() as u32];
        parts.iter().chain(&classes).fold(sum, |sum, &part| mix(sum ^ u64::from(part)))
    })
}

#[test]
fn training_never_draws_what_is_held_out() {
    let mut seen = HashSet::new();
    for scene in scenes(Split::Train, 4000) {
        for shape in &scene.shapes {
            assert!(!held_out(shape.colour, shape.form), "{}", scene.caption());
            seen.insert((shape.colour, shape.form));
        }
    }
    assert_eq!(seen.len(), pairs(Split::Train).len(), "training has every other pair");
    let mut seen = HashSet::new();
    for scene in scenes(Split::HeldOut, 1000) {
        for shape in &scene.shapes {
            assert!(held_out(shape.colour, shape.form), "{}", scene.caption());
            seen.insert((shape.colour, shape.form));
        }
    }
    assert_eq!(seen.len(), HELD_OUT.len());
    for colour in Colour::ALL {
        assert_eq!(HELD_OUT.iter().filter(|pair| pair.0 == colour).count(), 1, "{colour:?} is held out with one form");
    }
    for form in Form::ALL {
        let trained = pairs(Split::Train).iter().filter(|pair| pair.1 == form).count();
        assert!(trained >= 4, "{form:?} is trained in {trained} colours");
    }
}

#[test]
fn a_seed_fixes_a_scene() {
    for scene in [Scene::draw, Scene::single, Scene::pair] {
        let drawn = |seed| scene(&mut Dice::new(&[seed, 3]), Split::Train);
        assert_eq!(drawn(5), drawn(5));
        assert_ne!(drawn(5), drawn(6));
    }
    let all = scenes(Split::Train, 1000).fold(0, |sum, scene| mix(sum ^ fingerprint(&scene)));
    assert_eq!(all, GOLDEN, "when the scenes change, so must the version of the pictures");
}

/// The fingerprint of the first thousand training scenes. When it changes, so must `pictures::VERSION`.
const GOLDEN: u64 = 1_855_286_075_340_382_224;

#[test]
fn a_mask_has_the_area_of_its_shape() {
    for form in Form::ALL {
        for radius in [0.08, 0.11, 0.2] {
            let shape = Shape { form, colour: Colour::Red, size: Size::Small, radius, x: 0.5, y: 0.5 };
            for side in [SIDE, 100] {
                let drawn: f32 = shape.coverage(side).iter().sum::<f32>() / (side * side) as f32;
                let area = std::f32::consts::PI * radius * radius;
                let off = (drawn - area).abs() / area;
                assert!(off <= AREA_MARGIN, "{form:?} of {radius} at {side}: {drawn} for {area}");
            }
            let alone = shape.coverage(SIDE);
            let edge = |pixel: &usize| [pixel / SIDE, pixel % SIDE].iter().any(|&at| at == 0 || at == SIDE - 1);
            assert!((0..alone.len()).filter(edge).all(|pixel| alone[pixel] == 0.0), "{form:?} is inside the picture");
        }
    }
}

#[test]
fn masks_and_ground_share_every_pixel() {
    for seed in 0..200 {
        let scene = Scene::of(&mut Dice::new(&[seed]), Split::Train, 3, Overlap::Allowed);
        let (picture, masks) = (scene.render(SIDE), scene.masks(SIDE));
        for pixel in 0..SIDE * SIDE {
            let covered: f32 = masks.iter().map(|mask| mask[pixel]).sum();
            assert!((-1e-6..=1.0 + 1e-6).contains(&covered), "{covered}");
            for channel in 0..3 {
                let painted =
                    scene.shapes.iter().zip(&masks).map(|(shape, mask)| mask[pixel] * shape.colour.rgb()[channel]);
                let expected = painted.sum::<f32>() + (1.0 - covered) * scene.ground;
                assert!((picture[channel * SIDE * SIDE + pixel] - expected).abs() <= 1e-5);
            }
        }
    }
}

#[test]
fn scenes_keep_their_rules() {
    let mut counts = [0; MOST_SHAPES];
    for scene in scenes(Split::Train, 4000) {
        counts[scene.shapes.len() - 1] += 1;
        let largest = scene.largest().expect("a scene has shapes");
        for shape in &scene.shapes {
            assert!(std::ptr::eq(shape, largest) || largest.radius >= LARGEST_BY * shape.radius);
            let (least, greatest) = shape.size.radii();
            assert!((least..=greatest + 1e-6).contains(&shape.radius));
            for at in [shape.x, shape.y] {
                assert!(at - shape.reach() >= 0.0 && at + shape.reach() <= 1.0);
            }
        }
        let covered: f32 = scene.masks(SIDE).iter().flatten().sum();
        let alone: f32 = scene.shapes.iter().flat_map(|shape| shape.coverage(SIDE)).sum();
        assert!((covered - alone).abs() < 1e-2, "shapes that are apart hide nothing of each other");
    }
    for count in counts {
        assert!((900..=1100).contains(&count), "every count is a quarter of the scenes: {counts:?}");
    }
}

#[test]
fn captions_tell_what_is_there() {
    let mut relations = HashSet::new();
    for seed in 0..500 {
        let scene = Scene::pair(&mut Dice::new(&[seed]), Split::Train);
        let [one, two] = scene.shapes.as_slice() else { panic!("a pair has two") };
        let (right, down) = (one.x - two.x, one.y - two.y);
        let relation = Relation::between(one, two);
        let along = match relation {
            Relation::LeftOf => -right,
            Relation::RightOf => right,
            Relation::Above => -down,
            Relation::Below => down,
        };
        assert!(along >= RELATION_BY * right.abs().min(down.abs()) && along > 0.0);
        assert_eq!(scene.caption(), format!("{} {} {}", one.phrase(), relation.words(), two.phrase()));
        relations.insert(relation);
    }
    assert_eq!(relations.len(), Relation::ALL.len());
    let shape = Shape { form: Form::Circle, colour: Colour::Red, size: Size::Small, radius: 0.1, x: 0.2, y: 0.5 };
    let square = Shape { form: Form::Square, colour: Colour::Blue, size: Size::Large, radius: 0.2, x: 0.7, y: 0.5 };
    let scene = Scene { ground: 0.9, shapes: vec![shape, square] };
    assert_eq!(scene.caption(), "a small red circle left of a large blue square");
    assert_eq!(scene.largest(), Some(&square));
}

#[test]
fn captions_are_tokens() {
    for scene in scenes(Split::Train, 1000).chain(scenes(Split::HeldOut, 200)) {
        let caption = scene.caption();
        let tokens = caption_tokens(&caption, CAPTION_TOKENS).expect("every caption fits");
        assert_eq!(tokens.len(), CAPTION_TOKENS);
        assert_eq!(caption_words(&tokens), caption);
    }
    let unique: HashSet<_> = caption_vocabulary().iter().collect();
    assert_eq!(unique.len(), caption_vocabulary().len());
    assert_eq!(caption_tokens("", 3), Ok(vec![CAPTION_END, 0, 0]));
    assert_eq!(caption_tokens("A RED circle", 4), caption_tokens("a red circle", 4));
    assert_eq!(caption_tokens("a pink circle", 8), Err(CaptionError::Unknown("pink".to_string())));
    assert_eq!(caption_tokens("a <pad>", 8), Err(CaptionError::Unknown("<pad>".to_string())));
    assert_eq!(caption_tokens("a red circle", 3), Err(CaptionError::TooLong(4, 3)));
    for colour in Colour::ALL {
        assert!(words::COLOURS.iter().any(|pair| pair.0 == colour.word()), "the text of Tinyland has {colour:?}");
    }
}
