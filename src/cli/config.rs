//! `kalshi-actor config`.

use std::process::ExitCode;

use clap::Args;

use super::ConfigArgs;
use super::out::Out;

#[derive(Debug, Args)]
pub(super) struct ConfigCommandArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &ConfigCommandArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    out.text(args.config.load()?.to_commented_toml());
    Ok(ExitCode::SUCCESS)
}
