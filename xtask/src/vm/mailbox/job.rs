//! The command that a guest runs.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use memmap2::MmapMut;
use serde::{Deserialize, Serialize};

use crate::layout::{JOB_AT, JOB_BYTES};

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Job {
    pub command: Vec<String>,
    /// Environment variables in addition to those that every guest sets.
    pub environment: Vec<(String, String)>,
    /// A file that the guest sends once the command has ended, if it exists.
    pub collect: Option<String>,
    /// The guest kills the command after this time.
    pub limit_seconds: u64,
}

pub fn write_job(disk: &File, job: &Job) -> io::Result<()> {
    let text = serde_json::to_vec(job)?;
    if text.len() + 8 > JOB_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "the command line has {} bytes, and at most {} fit",
                text.len(),
                JOB_BYTES - 8
            ),
        ));
    }
    disk.write_all_at(&(text.len() as u64).to_le_bytes(), JOB_AT)?;
    disk.write_all_at(&text, JOB_AT + 8)
}

pub fn read_job(disk: &File) -> io::Result<Job> {
    // Aligned to a page, as O_DIRECT requires.
    let mut area = MmapMut::map_anon(JOB_BYTES)?;
    disk.read_exact_at(&mut area, JOB_AT)?;
    let mut length = [0; 8];
    length.copy_from_slice(&area[..8]);
    let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
    let text = area[8..].get(..length).ok_or(io::ErrorKind::InvalidData)?;
    Ok(serde_json::from_slice(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(argument: String) -> Job {
        Job {
            command: vec!["program".into(), argument],
            environment: vec![("NAME".into(), "value".into())],
            collect: Some("/tmp/file".into()),
            limit_seconds: 60,
        }
    }

    #[test]
    fn a_job_survives_writing_and_reading() {
        let disk = tempfile::NamedTempFile::new().unwrap();
        disk.as_file().set_len(1 << 20).unwrap();
        write_job(disk.as_file(), &job("a b\n".into())).unwrap();
        assert_eq!(
            read_job(&disk.reopen().unwrap()).unwrap(),
            job("a b\n".into())
        );
    }

    #[test]
    fn a_command_line_that_does_not_fit_is_refused() {
        let disk = tempfile::tempfile().unwrap();
        assert!(write_job(&disk, &job("x".repeat(JOB_BYTES))).is_err());
    }

    #[test]
    fn a_disk_without_a_job_is_an_error() {
        let disk = tempfile::tempfile().unwrap();
        disk.set_len(1 << 20).unwrap();
        assert!(read_job(&disk).is_err());
    }
}
