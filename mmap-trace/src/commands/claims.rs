//! `mmap-trace claims`: the claims of the mmap notes, and what recordings say about them.

use std::{io, process::ExitCode};

use anyhow::Context as _;

use super::{
    Failure,
    output::{self, Output},
    report,
};
use crate::{
    cli::{ClaimsArgs, ClaimsFormat, When},
    course::{catalog, notes},
    render,
};

pub(super) fn run(args: &ClaimsArgs, color: When) -> Result<ExitCode, Failure> {
    let files = catalog::all()?;
    let recordings = report::read_all(&args.recordings)?;
    let ledger = notes::ledger(&files, &recordings).map_err(anyhow::Error::msg)?;
    if let Some(path) = &args.html {
        let page = render::page::ledger(&ledger).context("cannot draw the page")?;
        Output::open(path)?.write_text(&page)?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = match args.format {
        ClaimsFormat::Json => render::json::render(&ledger)?,
        ClaimsFormat::Csv => render::csv::ledger(&ledger)?,
        ClaimsFormat::Markdown => render::notes_markdown::render(&ledger),
        ClaimsFormat::Table => {
            let style = output::style(color, &io::stdout());
            render::notes::render(&ledger, style, output::detail(args.details))
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
