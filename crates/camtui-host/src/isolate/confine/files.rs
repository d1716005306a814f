//! Which files are left to a confined thread: by Landlock, which asks where a file lies, not how it was
//! reached, so no link and no `..` leads around it.
//!
//! Nothing may be written or run as a program. What may be read is what libraries need to load and to find
//! out about the machine. From a system folder that holds the user's home, the home is left out.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

/// The newest version of Landlock that this was tried with. What an older kernel does not know of it is left
/// out there.
const TRIED: ABI = ABI::V7;

/// Libraries and their data, and what the kernel says of the machine and of the process itself. Not all of
/// `/etc` and `/proc`: there are keys in the one and the user's other processes in the other.
const READABLE: &[&str] = &[
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/run/current-system",
    "/run/opengl-driver",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/locale.alias",
    "/etc/locale.conf",
    "/etc/localtime",
    "/etc/timezone",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/loadavg",
    "/proc/version",
    "/proc/sys/kernel",
    "/proc/sys/vm",
    "/sys/devices/system",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// Where writing goes nowhere.
const SINKS: &[&str] = &["/dev/null", "/dev/zero"];

/// Whether the calling thread now has only these files.
pub fn shut(library: &Path, home: Option<&Path>) -> bool {
    enforce(library, home).is_ok_and(|status| status != RulesetStatus::NotEnforced)
}

fn enforce(library: &Path, home: Option<&Path>) -> Result<RulesetStatus, RulesetError> {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let readable = READABLE.iter().map(PathBuf::from).chain(listed()).flat_map(|root| without(root, home));
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(TRIED))?
        .handle_access(AccessNet::from_all(TRIED))?
        .scope(Scope::from_all(TRIED))?
        .create()?
        .add_rules(path_beneath_rules(readable, reading))?
        .add_rules(path_beneath_rules([own(library, home)], reading))?
        .add_rules(path_beneath_rules(SINKS, BitFlags::from(AccessFs::WriteFile)))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// What the library's own files are: its folder, unless that holds much more than the library.
fn own<'a>(library: &'a Path, home: Option<&Path>) -> &'a Path {
    let Some(folder) = library.parent() else { return library };
    let holds_home = home.is_some_and(|home| canonical(home).starts_with(folder));
    if holds_home || folder.parent().is_none() || is_shared(folder) { library } else { folder }
}

/// A folder in which everyone may put files.
fn is_shared(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    folder.metadata().is_ok_and(|meta| meta.mode() & 0o1002 != 0)
}

/// The folders that the user has told the loader to search.
fn listed() -> Vec<PathBuf> {
    let variable = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    std::env::split_paths(&variable)
        .filter(|folder| folder.is_absolute() && folder.components().count() > 1)
        .collect()
}

/// `root`, or where that holds `home`, all that is in it and does not.
fn without(root: PathBuf, home: Option<&Path>) -> Vec<PathBuf> {
    let (Some(home), Ok(real)) = (home.map(canonical), root.canonicalize()) else { return vec![root] };
    if real.starts_with(&home) {
        // Asked for by `LD_LIBRARY_PATH`: a folder in the home may be read, the home may not.
        return if real == home { vec![] } else { vec![root] };
    }
    if !home.starts_with(&real) {
        return vec![root];
    }
    std::fs::read_dir(&real)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .flat_map(|entry| without(entry.path(), Some(&home)))
        .collect()
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_home_inside_a_system_folder_is_left_out_of_it() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["lib", "people/me/deep", "people/you"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let home = root.join("people/me");
        let mut left = without(root.clone(), Some(&home));
        left.sort();
        assert_eq!(left, [root.join("lib"), root.join("people/you")]);
        assert_eq!(without(home.clone(), Some(&home)), [] as [PathBuf; 0]);
        assert_eq!(without(home.join("deep"), Some(&home)), [home.join("deep")]);
        assert_eq!(without(root.join("lib"), Some(&home)), [root.join("lib")]);
        assert_eq!(without(root.clone(), None), [root]);
    }

    #[test]
    fn a_library_has_its_folder_unless_that_is_everyones_or_the_homes() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (home, plain, shared) = (root.join("me"), root.join("plain"), root.join("shared"));
        for folder in [&home, &plain, &shared] {
            fs::create_dir(folder).unwrap();
        }
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(own(&plain.join("libx.so"), Some(&home)), plain);
        assert_eq!(own(&home.join("p/libx.so"), Some(&home)), home.join("p"));
        for folder in [&home, &root, &shared] {
            let library = folder.join("libx.so");
            assert_eq!(own(&library, Some(&home)), library);
        }
    }
}
