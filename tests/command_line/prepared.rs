//! `prepare`: recordings in, an event file and hftbacktest's arrays out.

use std::fs;

use crate::program::call;

const FRAMES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/crossed.jsonl");

#[test]
fn a_recording_is_prepared_the_same_each_time_exported_and_told_to_be_cut_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let prepare = |arguments: &[&str]| {
        let ended = call(here, &[&["prepare"], arguments].concat());
        ended.assert_orderly("prepare");
        ended
    };
    for (name, npz) in [("one.kap", "npz"), ("two.kap", "other")] {
        let ended = prepare(&[FRAMES, "--out", name, "--export-npz", npz]);
        assert!(ended.status.success(), "{}", ended.errors);
        assert!(
            ended.output.contains(&format!("{name}: ")) && ended.output.contains(" events of "),
            "{}",
            ended.output
        );
        assert!(!ended.output.contains("was cut"), "{}", ended.output);
    }
    assert!(fs::read(here.join("one.kap")).unwrap() == fs::read(here.join("two.kap")).unwrap());
    let exported = |folder: &str| {
        let files = fs::read_dir(here.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.map(|path| (path.file_name().unwrap().to_owned(), fs::read(path).unwrap())).collect();
        files.sort();
        files
    };
    assert!(!exported("npz").is_empty());
    // From the prepared file as from its source.
    assert!(prepare(&["one.kap", "--export-npz", "again"]).status.success());
    assert!(exported("npz") == exported("again") && exported("npz") == exported("other"));

    let text = fs::read_to_string(FRAMES).unwrap();
    let line = text[..text.len() / 2].matches('\n').count() + 1;
    fs::write(here.join("cut.jsonl"), &text[..text.len() / 2]).unwrap();
    let ended = prepare(&["cut.jsonl", "--out", "cut.kap"]);
    assert!(ended.status.success(), "{}", ended.errors);
    assert!(ended.output.contains("up to where a file was cut"), "{}", ended.output);
    assert!(ended.errors.contains(&format!("cut.jsonl, line {line}: the file was cut here")), "{}", ended.errors);

    fs::write(here.join("damaged.kap"), &fs::read(here.join("one.kap")).unwrap()[..100]).unwrap();
    for (arguments, expected) in [
        (&[FRAMES][..], "nowhere to write to: expected --out FILE"),
        (&["one.kap"], "one.kap: prepared already; expected --export-npz DIR"),
        (&["one.kap", "--out", "three.kap"], "prepared already; expected --export-npz and nothing else"),
        (&["damaged.kap", "--export-npz", "none"], "prepared file damaged.kap: 100 bytes, expected "),
        (&["nowhere.jsonl", "--out", "three.kap"], "nowhere.jsonl: No such file"),
        (&[FRAMES, "--out", "missing/three.kap"], "cannot write missing/three.kap: No such file"),
    ] {
        let ended = prepare(arguments);
        assert!(!ended.status.success() && ended.errors.contains(expected), "{arguments:?}: {}", ended.errors);
    }
    assert!(!here.join("three.kap").exists());
}
