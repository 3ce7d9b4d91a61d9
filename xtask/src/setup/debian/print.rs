//! `setup --print`: the commands that would make the toolchain from packages. It only asks apt
//! questions, and changes nothing.

use std::path::Path;

use anyhow::Result;

use super::{
    NAME,
    family::FAMILIES,
    packages::{self, Compiler},
};
use crate::{
    apt::{Lists, Selection as _},
    cache::Cache,
    setup::linker,
};

/// Prints the commands, with the package names from the machine's lists if those can be used.
pub(crate) fn print(cache: &Cache) -> Result<()> {
    let place = cache.toolchain();
    let (root, work) = (place.join("root"), cache.root().join("staging"));
    println!(
        "# From {NAME}: prepared in a staging folder, then renamed to {}.",
        place.display()
    );
    println!("mkdir -p {0} {1} && cd {0}", work.display(), root.display());
    let (lists, names, llvm) = choose(&work)?;
    println!("{}", lists.download(&names).line());
    println!(
        "for deb in *.deb; do dpkg -x \"$deb\" {}; done",
        root.display()
    );
    let libraries = root.join("usr/lib/$(uname -m)-linux-gnu");
    println!("mkdir -p llvm/lib");
    println!(
        "ln -s {}/libLLVM.so.{llvm}* llvm/lib/libLLVM.so",
        libraries.display()
    );
    let install = linker::install(
        &work.join("llvm"),
        Path::new("LIBRARIES"),
        &work.join("target"),
        &place.join("linker"),
        &llvm,
    );
    // The folder of the architecture is known only after unpacking; the shell finds it.
    let line = install.line();
    println!(
        "{}",
        line.replace("LIBRARIES", &libraries.display().to_string())
    );
    println!(
        "# Then scripts that set LD_LIBRARY_PATH, RUSTC and RUSTC_BOOTSTRAP are written to {}.",
        place.join("bin").display()
    );
    Ok(())
}

fn choose(work: &Path) -> Result<(Lists, Vec<String>, String)> {
    let why = match Compiler.resolve(&Lists::Machine)? {
        Ok(packages) => {
            println!("# {}", packages::summary(&packages));
            let llvm = packages::llvm(&packages).to_string();
            let names = packages.into_iter().map(|package| package.name);
            return Ok((Lists::Machine, names.collect(), llvm));
        }
        Err(why) => why,
    };
    let lists = Lists::private(work);
    println!("# The machine's package lists cannot be used ({why}); private ones are read first.");
    println!("mkdir -p apt/state/lists/partial apt/cache/archives/partial");
    println!("{}", lists.update().line());
    println!("# Those lists say what X.YY and NN are, and which libraries this machine lacks.");
    let mut names = FAMILIES[0].names().to_vec();
    names.extend(["libstd-rust-web-X.YY".to_owned(), "libllvmNN".to_owned()]);
    Ok((lists, names, "NN".to_owned()))
}
