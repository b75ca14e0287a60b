use std::fs::File;
use std::io::Write;

use super::super::{Cut, Holes};
use super::*;

const EMPTY: &str = r#"{"type":"orderbook_snapshot","sid":1,"seq":3,"msg":{"market_ticker":"A"}}"#;

fn snapshot(seq: u64, ticker: &str) -> String {
    format!(
        r#"{{"type":"orderbook_snapshot","sid":1,"seq":{seq},"msg":{{"market_ticker":"{ticker}","yes_dollars_fp":[["0.4000","5.00"]]}}}}"#
    )
}

fn delta(seq: u64, ticker: &str, ts_ms: i64) -> String {
    format!(
        r#"{{"type":"orderbook_delta","sid":1,"seq":{seq},"msg":{{"market_ticker":"{ticker}","price_dollars":"0.4100","delta_fp":"3.00","side":"yes","ts_ms":{ts_ms}}}}}"#
    )
}

fn trade(seq: u64, ticker: &str, ts_ms: i64) -> String {
    format!(
        r#"{{"type":"trade","sid":2,"seq":{seq},"msg":{{"trade_id":"t{ts_ms}","market_ticker":"{ticker}","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"1.00","taker_side":"no","ts_ms":{ts_ms}}}}}"#
    )
}

fn wrapped(received_ms: i64, frame: &str) -> String {
    format!(r#"{{"recv_ms":{received_ms},"event":{frame}}}"#)
}

fn file(directory: &tempfile::TempDir, name: &str, lines: &[&str]) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

fn read(paths: &[PathBuf]) -> Result<Vec<RecordedMarket>, FramesError> {
    read_frames(paths, Holes::Told).map(|(markets, _)| markets)
}

fn read_lines(lines: &[&str], holes: Holes) -> (Vec<RecordedMarket>, Findings) {
    let directory = tempfile::tempdir().unwrap();
    read_frames(&[file(&directory, "lines.jsonl", lines)], holes).unwrap()
}

#[test]
fn bare_wrapped_and_compressed_lines_read_alike() {
    let directory = tempfile::tempdir().unwrap();
    let first = snapshot(1, "A");
    let bare = file(&directory, "a.jsonl", &[&first, "", &delta(2, "A", 1_000), EMPTY]);
    let wrapped_lines = [wrapped(990, &delta(2, "A", 1_000)), wrapped(1_500, EMPTY)];
    let wrapped = file(&directory, "b.jsonl", &[&first, &wrapped_lines[0], &wrapped_lines[1]]);
    let packed = directory.path().join("c.jsonl.zst");
    let mut encoder = zstd::Encoder::new(File::create(&packed).unwrap(), 1).unwrap();
    encoder.write_all(&std::fs::read(&bare).unwrap()).unwrap();
    encoder.finish().unwrap();
    let expected = read(&[bare]).unwrap();
    assert_eq!((expected.len(), expected[0].steps.len(), expected[0].ended), (1, 1, true));
    assert_eq!(expected[0].steps[0].entries.len(), 3);
    assert_eq!(read(&[wrapped]).unwrap(), expected);
    assert_eq!(read(&[packed]).unwrap(), expected);
}

#[test]
fn several_files_hold_several_markets_and_parts_of_one() {
    let directory = tempfile::tempdir().unwrap();
    let lines = [snapshot(1, "A"), snapshot(2, "B"), delta(3, "A", 1_000), delta(4, "B", 1_100)];
    let first = file(&directory, "1", &lines.each_ref().map(String::as_str));
    let second = file(&directory, "2", &[&delta(5, "A", 2_000)]);
    let (markets, findings) = read_frames(&[first.clone(), second.clone()], Holes::Told).unwrap();
    let shape: Vec<_> = markets.iter().map(|market| (market.ticker.as_str(), market.steps.len())).collect();
    assert_eq!(shape, [("A", 2), ("B", 1)]);
    assert_eq!(findings, Findings { frames: 5, ..Findings::default() }, "the second file goes on where the first ends");
    let error = read(&[first, file(&directory, "0", &[&delta(5, "A", 500)])]).unwrap_err().to_string();
    assert!(error.contains("begins 500 ms before the end of the frames of A"), "{error}");
    let error = read(&[second]).unwrap_err().to_string();
    assert!(error.contains("expected an order book snapshot and what follows it"), "{error}");
}

#[test]
fn a_file_named_twice_and_frames_recorded_twice_are_read_once() {
    let directory = tempfile::tempdir().unwrap();
    let lines = [snapshot(1, "A"), delta(2, "A", 1_000), trade(1, "A", 1_500), delta(3, "A", 2_000)];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let path = file(&directory, "a.jsonl", &lines);
    let expected = read(std::slice::from_ref(&path)).unwrap();
    let (markets, findings) = read_frames(&[path.clone(), path], Holes::Told).unwrap();
    assert_eq!((markets, findings.repeats), (expected.clone(), 4));
    for at in 0..lines.len() {
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        let (markets, findings) = read_lines(&doubled, Holes::Told);
        assert_eq!((markets, findings.repeats, findings.frames), (expected.clone(), 1, 4));
        assert!(findings.places[0].contains(&format!("line {}: ", at + 2)), "{findings:?}");
    }
}

#[test]
fn after_a_gap_a_book_is_empty_until_its_next_snapshot_unless_gaps_are_ignored() {
    let subscribed = r#"{"type":"subscribed","id":1,"msg":{"channel":"orderbook_delta","sid":1}}"#;
    let lines = [
        subscribed.to_owned(),
        snapshot(1, "A"),
        snapshot(2, "B"),
        delta(3, "A", 1_000),
        trade(1, "A", 1_000),
        delta(5, "A", 2_000),
        trade(2, "A", 2_000),
        snapshot(6, "A"),
        delta(7, "A", 3_000),
        delta(8, "B", 3_000),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (markets, findings) = read_lines(&lines, Holes::Told);
    assert_eq!((findings.holes, findings.missing, findings.unusable), (1, 1, 3));
    assert!(findings.places[0].contains("lines.jsonl, line 6: sid 1 continues with seq 5, expected 4"));
    let entries =
        |market: &RecordedMarket| -> Vec<Entry> { market.steps.iter().flat_map(|step| step.entries.clone()).collect() };
    let empty = Entry::Snapshot(Box::default());
    let of_a = entries(&markets[0]);
    assert_eq!((of_a.len(), of_a.iter().position(|entry| *entry == empty)), (6, Some(3)), "{of_a:?}");
    assert_eq!(entries(&markets[1]).last(), Some(&empty), "its book was on the same subscription");
    let (markets, findings) = read_lines(&lines, Holes::Ignored);
    assert_eq!((findings.holes, findings.unusable), (0, 0));
    assert_eq!((entries(&markets[0]).len(), entries(&markets[1]).len()), (7, 2));
}

#[test]
fn a_subscription_with_gaps_throughout_is_detected_and_reconnects_are_not_gaps() {
    let mut lines = vec![snapshot(70, "A")];
    lines.extend((1..200).map(|n| delta(70 + n + n / 3, "A", 1_000 + n.cast_signed())));
    lines.push(snapshot(4, "A"));
    lines.extend((1..200).map(|n| delta(4 + n + n / 3, "A", 2_000 + n.cast_signed())));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (markets, findings) = read_lines(&lines, Holes::Told);
    assert_eq!((findings.frames, &findings.scattered), (400, &[1].into()));
    assert_eq!((findings.holes, findings.unusable, markets[0].steps.len()), (0, 0, 398));
    assert!(findings.places[0].contains("the numbers of sid 1 have gaps throughout"), "{findings:?}");

    let mut dense = vec![snapshot(1, "A")];
    dense.extend((2..300).filter(|n| n % 30 != 0).map(|n| delta(n, "A", 1_000 + n.cast_signed())));
    let dense: Vec<&str> = dense.iter().map(String::as_str).collect();
    let (_, findings) = read_lines(&dense, Holes::Told);
    assert_eq!((findings.holes, findings.scattered.len()), (9, 0), "one in thirty was lost");
    let first = findings.places.iter().filter(|place| place.contains("continues")).count();
    assert_eq!(first, 9);
}

#[test]
fn close_and_result_of_a_market_are_taken_from_frames() {
    let lifecycle = |event: &str| {
        format!(r#"{{"type":"market_lifecycle_v2","sid":3,"msg":{{"market_ticker":"A","event_type":{event}}}}}"#)
    };
    let lines = [
        lifecycle(r#""close_date_updated","close_ts":1700"#),
        snapshot(1, "A"),
        delta(2, "A", 1_000),
        lifecycle(r#""determined","settlement_value":"1.0000""#),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (markets, _) = read_lines(&lines, Holes::Told);
    assert_eq!((markets[0].closes_ms, markets[0].result), (Some(1_700_000), Some(Price::ONE)));
    let directory = tempfile::tempdir().unwrap();
    let far = lifecycle(r#""close_date_updated","close_ts":99999999999999"#);
    let error = read(&[file(&directory, "far", &[&far])]).unwrap_err().to_string();
    assert!(error.contains("line 1: `close_ts` is 99999999999999000"), "{error}");
}

#[test]
fn damaged_files_are_rejected_with_name_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let good = delta(2, "A", 1_000);
    let cut = file(&directory, "cut.jsonl", &[&good, &good[..60]]);
    let error = read(&[cut]).unwrap_err().to_string();
    assert!(error.contains("cut.jsonl, line 2: "), "{error}");
    let junk = file(&directory, "junk.jsonl.zst", &[&good]);
    assert!(read(&[junk]).unwrap_err().to_string().contains("junk.jsonl.zst"));
    let nothing = file(&directory, "none.jsonl", &[]);
    assert!(
        read(&[nothing])
            .unwrap_err()
            .to_string()
            .contains("none.jsonl: expected exchange frames, one a line; found none")
    );
    let missing = directory.path().join("missing.jsonl");
    assert!(read(&[missing]).unwrap_err().to_string().contains("missing.jsonl"));
    assert!(read(&[directory.path().to_owned()]).unwrap_err().to_string().contains("no segment"));
}

#[test]
fn a_recording_cut_at_any_byte_is_read_up_to_the_cut_where_that_is_to_be_told() {
    let told = Strictness { holes: Holes::Told, cut: Cut::Told };
    let directory = tempfile::tempdir().unwrap();
    let lines = [snapshot(1, "A"), wrapped(990, &delta(2, "A", 1_000)), trade(1, "A", 2_000), delta(3, "A", 3_000)];
    let text: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
    let packed = zstd::encode_all(&*text, 1).unwrap();
    let path = directory.path().join("cut.jsonl");
    let whole_lines = |bytes: usize| memchr::memchr_iter(b'\n', &text[..bytes]).count() as u64;
    for bytes in 0..=text.len() {
        std::fs::write(&path, &text[..bytes]).unwrap();
        let whole = whole_lines(bytes);
        // A line without its line break is complete if nothing else is missing.
        let is_whole = bytes > 0 && text.get(bytes) == Some(&b'\n');
        let kept = whole + u64::from(is_whole);
        let is_cut = !is_whole && bytes > 0 && text[bytes - 1] != b'\n';
        match read_frames(std::slice::from_ref(&path), told) {
            Ok((_, findings)) => {
                assert_eq!((findings.frames, findings.cut), (kept, u64::from(is_cut)), "{bytes} bytes");
                let place = format!("cut.jsonl, line {}: the file was cut here", whole + 1);
                assert_eq!(findings.places.iter().any(|found| found.contains(&place)), is_cut);
            }
            Err(error) => assert!(kept < 2, "{bytes} bytes: {error}"),
        }
        let strict = read_frames(std::slice::from_ref(&path), Holes::Told);
        assert!(!is_cut || strict.is_err(), "{bytes} bytes");
    }
    let path = directory.path().join("cut.jsonl.zst");
    for bytes in 0..packed.len() {
        std::fs::write(&path, &packed[..bytes]).unwrap();
        match read_frames(std::slice::from_ref(&path), told) {
            Ok((_, findings)) => assert_eq!(findings.cut, 1, "{bytes} bytes"),
            Err(error) => assert!(error.to_string().contains("cut.jsonl.zst"), "{bytes} bytes: {error}"),
        }
    }
}

#[test]
fn a_truncated_zst_is_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let text: String = (0..2_000).map(|n| delta(n + 1, "A", 1_000 + n.cast_signed()) + "\n").collect();
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let path = directory.path().join("cut.jsonl.zst");
    std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
    let error = read(&[path]).unwrap_err().to_string();
    assert!(error.contains("cut.jsonl.zst, line "), "{error}");
}
