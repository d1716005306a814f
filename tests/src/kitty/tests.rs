use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

const AT: Where = Where { cursor: (3, 5), cell: (10, 20), alternate: true };

fn sent(commands: &[&str]) -> Graphics {
    let mut graphics = Graphics::default();
    for command in commands {
        graphics.take(command.as_bytes(), AT);
    }
    graphics
}

/// Two pixels, red and half-transparent blue.
const TWO: [u8; 8] = [255, 0, 0, 255, 0, 0, 255, 128];

fn two(keys: &str) -> String {
    format!("f=32,s=2,v=1,{keys};{}", STANDARD.encode(TWO))
}

fn numbers(graphics: &Graphics) -> Vec<u32> {
    graphics.pictures().keys().copied().collect()
}

#[test]
fn pixels_come_in_every_format() {
    let rgb = format!("i=1,f=24,s=2,v=1;{}", STANDARD.encode([255, 0, 0, 0, 0, 255]));
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::fast());
    deflated.write_all(&TWO).unwrap();
    let deflated = format!("i=2,f=32,o=z,s=2,v=1;{}", STANDARD.encode(deflated.finish().unwrap()));
    let mut png = std::io::Cursor::new(Vec::new());
    RgbaImage::from_raw(2, 1, TWO.to_vec()).unwrap().write_to(&mut png, image::ImageFormat::Png).unwrap();
    let png = format!("i=3,f=100;{}", STANDARD.encode(png.into_inner()));
    let graphics = sent(&[&rgb, &deflated, &png, &two("i=4")]);
    assert_eq!(graphics.faults(), [] as [String; 0]);
    assert_eq!(graphics.pictures()[&1].as_raw(), &[255, 0, 0, 255, 0, 0, 255, 255]);
    for picture in 2..=4 {
        assert_eq!(graphics.pictures()[&picture].as_raw(), &TWO, "{picture}");
    }
    assert!(graphics.placements().is_empty(), "transmitting shows nothing");
}

#[test]
fn chunks_are_one_picture_when_the_last_has_come() {
    let text = STANDARD.encode(TWO);
    let (first, second) = text.split_at(4);
    let mut graphics = sent(&[&format!("i=9,f=32,s=2,v=1,a=T,U=1,m=1;{first}")]);
    assert!(graphics.is_unfinished() && graphics.pictures().is_empty());
    graphics.take(format!("q=2,m=0;{second}").as_bytes(), AT);
    assert_eq!(numbers(&graphics), [9]);
    assert_eq!(graphics.events(), [Event::Transmitted(9, 8), Event::Placed(9)]);
    assert_eq!(graphics.faults(), [] as [String; 0]);
}

#[test]
fn what_a_terminal_would_refuse_is_a_fault() {
    for wrong in [
        "i=1,s=2,v=1;AAAA",
        "i=1,f=7,s=1,v=1;AAAA",
        "i=1,f=24,t=f,s=1,v=1;AAAA",
        "a=p,i=1",
        "a=d,d=k",
        "a=f,i=1",
        "i=1,f=24,s=20000,v=1;AAAA",
    ] {
        assert_eq!(sent(&[wrong]).faults().len(), 1, "{wrong}");
    }
    assert_eq!(sent(&["i=1,m=1;AAAA", "a=d"]).faults().len(), 1, "chunks are not interrupted");
}

#[test]
fn a_placement_takes_the_cells_it_needs_and_moves_the_cursor() {
    let mut graphics = Graphics::default();
    let picture = format!("i=1,f=24,s=15,v=30;{}", STANDARD.encode([7; 15 * 30 * 3]));
    graphics.take(picture.as_bytes(), AT);
    assert_eq!(graphics.take(b"a=p,i=1", AT), Some((2, 2)));
    assert_eq!(graphics.take(b"a=p,i=1,c=4", AT), Some((4, 4)), "80 pixels high");
    assert_eq!(graphics.take(b"a=p,i=1,c=4,r=1,C=1", AT), None, "the cursor stays where it is told to");
    assert_eq!(graphics.take(b"a=p,i=1,U=1", AT), None, "placeholders move it themselves");
    assert_eq!(graphics.virtual_placement(1).unwrap().cells, (2, 2));
    let Place::At { cell, size, .. } = graphics.placements()[1].place else { panic!() };
    assert_eq!((cell, size), ((3, 5), (40, 80)));
    assert_eq!(graphics.placements().len(), 4);
}

#[test]
fn a_number_used_again_is_another_picture() {
    let graphics = sent(&[&two("i=1,a=T"), &two("i=1")]);
    assert!(graphics.placements().is_empty());
    // The same placement moves; one without a number is another one.
    let graphics = sent(&[&two("i=1"), "a=p,i=1,p=4", "a=p,i=1,p=4", "a=p,i=1"]);
    assert_eq!(graphics.placements().len(), 2);
}

#[test]
fn deleting_by_number_frees_only_in_upper_case() {
    let first = two("i=1,a=T,U=1");
    assert_eq!(numbers(&sent(&[&first, "a=d,d=i,i=1"])), [1]);
    let graphics = sent(&[&first, "a=d,d=I,i=1,q=2"]);
    assert!(graphics.pictures().is_empty() && graphics.placements().is_empty());
    assert_eq!(graphics.events().last(), Some(&Event::Freed(1)));
    // One that still has a placement is kept.
    let two_places = sent(&[&two("i=1"), "a=p,i=1,p=1", "a=p,i=1,p=2", "a=d,d=I,i=1,p=1"]);
    assert_eq!((numbers(&two_places), two_places.placements().len()), (vec![1], 1));
    // One that was never placed goes as well.
    assert!(sent(&[&two("i=1"), "a=d,d=I,i=1"]).pictures().is_empty());
    assert!(sent(&[&two("I=5"), "a=d,d=N,I=5"]).pictures().is_empty());
    assert_eq!(numbers(&sent(&[&two("i=1"), &two("i=2"), &two("i=3"), "a=d,d=R,x=2,y=3"])), [1]);
}

#[test]
fn deleting_by_place_hits_what_covers_it() {
    let both = [two("i=1,a=T,c=2,r=2"), two("i=2,a=T,U=1")];
    let left = |delete: &str| numbers(&sent(&[&both[0], &both[1], delete]));
    // At row 3 and column 5, counted from 1 in commands.
    for hit in ["a=d,d=A", "a=d,d=C", "a=d,d=P,x=7,y=5", "a=d,d=X,x=6", "a=d,d=Y,y=4", "a=d,d=Z,z=0"] {
        assert_eq!(left(hit), [2], "{hit}: placeholders are deleted by number alone");
    }
    for miss in ["a=d,d=P,x=5,y=5", "a=d,d=X,x=8", "a=d,d=Y,y=6", "a=d,d=Z,z=1", "a=d,d=Q,x=7,y=5,z=1"] {
        assert_eq!(left(miss), [1, 2], "{miss}");
    }
    assert_eq!(left("a=d"), [1, 2], "pictures stay");
    assert_eq!(sent(&[&both[0], "a=d"]).placements(), []);
}

#[test]
fn erasing_takes_the_screens_own_pictures_and_scrolling_moves_them() {
    let mut graphics = sent(&[&two("i=1,a=T")]);
    graphics.erase_screen(false);
    graphics.scroll(2);
    assert!(matches!(graphics.placements()[0].place, Place::At { cell: (3, 5), .. }));
    graphics.erase_screen(true);
    assert!(graphics.placements().is_empty());
    graphics.take(two("i=2,a=T").as_bytes(), Where { alternate: false, ..AT });
    graphics.scroll(5);
    assert!(matches!(graphics.placements()[0].place, Place::At { cell: (-2, 5), .. }));
}
