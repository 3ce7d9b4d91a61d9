//! `setup --print`: the commands of this way. Only questions are asked of apt; nothing is changed.

use std::path::Path;

use anyhow::Result;

use super::{WAY, family::FAMILIES, lists::Lists, packages::Packages};
use crate::{cache::Cache, setup::linker};

/// What depends on the package lists.
struct Names {
    lists: Lists,
    packages: Vec<String>,
    llvm: String,
}

/// Prints them, with the names that the package lists give now.
pub(crate) fn print(cache: &Cache) -> Result<()> {
    let place = cache.toolchain();
    let (root, work) = (place.join("root"), cache.root().join("staging"));
    println!(
        "# Way: {WAY}. Prepared in a staging folder, then renamed to {}.",
        place.display()
    );
    println!("mkdir -p {0} {1} && cd {0}", work.display(), root.display());
    let Names {
        lists,
        packages,
        llvm,
    } = names(&work)?;
    println!("{}", lists.download(&packages).line());
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
    let (prefix, target) = (work.join("llvm"), work.join("target"));
    let install = linker::install(
        &prefix,
        Path::new("LIBRARIES"),
        &target,
        &place.join("linker"),
        &llvm,
    );
    // The architecture's folder is known only after unpacking; the shell finds it.
    println!(
        "{}",
        install
            .line()
            .replace("LIBRARIES", &libraries.display().to_string())
    );
    println!(
        "# Then scripts that set LD_LIBRARY_PATH, RUSTC and RUSTC_BOOTSTRAP are written to {}.",
        place.join("bin").display()
    );
    Ok(())
}

fn names(work: &Path) -> Result<Names> {
    let why = match Packages::resolve(&Lists::Machine)? {
        Ok(packages) => {
            println!("# {}", packages.summary());
            let llvm = packages.llvm.to_string();
            return Ok(Names {
                lists: Lists::Machine,
                packages: packages.names,
                llvm,
            });
        }
        Err(why) => why,
    };
    let lists = Lists::private(work);
    println!("# The machine's package lists do not do ({why}); private ones are read first.");
    println!("mkdir -p apt/state/lists/partial apt/cache/archives/partial");
    println!("{}", lists.update().line());
    println!(
        "# X.YY and NN stand for what those lists name; libraries the machine lacks are added."
    );
    let family = FAMILIES
        .first()
        .map(|family| family.names().map(str::to_owned).to_vec());
    let mut packages = family.unwrap_or_default();
    packages.extend(["libstd-rust-web-X.YY".to_owned(), "libllvmNN".to_owned()]);
    Ok(Names {
        lists,
        packages,
        llvm: "NN".to_owned(),
    })
}
