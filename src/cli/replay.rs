//! `kalshi-actor replay`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::decide::policy::{AnyPolicy, PolicyRecord};
use crate::drivers::replay::{Replay, replay};
use crate::tape::NOT_COMPARED;
use clap::Args;

use super::out::{Out, say};

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The session's folder, its journal's, or one segment such as 000003.kaj
    journal: PathBuf,
    /// Compare everything the stages send, and their whole state at every checkpoint, with the recording; stop at the
    /// first difference and exit with an error
    #[arg(long)]
    verify: bool,
    /// The session's model or script, if it is no longer where the session read it. It must be unchanged
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

pub(super) fn run(args: &ReplayArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let model = args.model.as_deref();
    let policy = |record: &PolicyRecord| AnyPolicy::recorded(record, model).map_err(|error| error.to_string());
    let replayed = replay(&args.journal, args.verify, policy)?;
    print(&replayed, args.verify, out);
    let Some(difference) = replayed.difference() else {
        if args.verify {
            say!(out, "zero differences in {} outputs", replayed.outputs());
        }
        return Ok(ExitCode::SUCCESS);
    };
    say!(out, "first difference: {difference}");
    Ok(ExitCode::FAILURE)
}

fn print(replayed: &Replay, verified: bool, out: &mut Out) {
    let (first, last) = replayed.segments;
    say!(out, "segments {first} to {last}, recorded by {} on {}", replayed.note.program, replayed.note.venue);
    for stage in &replayed.stages {
        let outputs: u64 = stage.outputs.values().sum();
        let end = if stage.ended { "" } else { "; no end: the records stop where the session did" };
        say!(
            out,
            "{:<9}  {} inputs, {outputs} outputs, {} checkpoints after the first{end}",
            stage.stage.as_str(),
            stage.inputs,
            stage.checkpoints
        );
        let kinds: Vec<String> = stage.outputs.iter().map(|(kind, count)| format!("{count} {kind:?}")).collect();
        if !kinds.is_empty() {
            say!(out, "           {}", kinds.join(", "));
        }
    }
    if let Some(torn) = &replayed.torn {
        say!(out, "torn: {torn}");
    }
    if let Some(decide) = &replayed.decide {
        say!(out, "decisions  {} taken, {} intents", decide.decisions, decide.intents);
    }
    if let Some(execute) = &replayed.execute {
        let (counters, ledger) = (execute.counters(), execute.ledger());
        let pnl = ledger.realized() - ledger.fees() + execute.unrealized();
        say!(out, "orders     {} sent, {} fills, P&L {:+.2}", counters.sent, counters.fills, pnl.dollars());
    }
    let verb = if verified { "compared" } else { "not compared (use --verify)" };
    say!(out, "outputs    {verb}, but for these stamps, which measure and decide nothing:");
    for (name, why) in NOT_COMPARED {
        say!(out, "           {name}: {why}");
    }
}
