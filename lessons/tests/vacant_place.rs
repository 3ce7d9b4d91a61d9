//! A vacated place, in a process of its own: next to other tests, the kernel might give the place to one of
//! them.

use lessons::data::{Pieces, create};
use lessons::mapping::Reserved;
use lessons::page_bytes;

#[test]
fn a_vacant_place_is_reused_and_never_replaces_another_mapping() {
    let directory = tempfile::tempdir_in("/var/tmp").expect("a disk");
    let path = directory.path().join("data");
    let bytes = 2 * page_bytes();
    let file = create(&path, bytes, Pieces::of(4096)).expect("room");
    let content = std::fs::read(&path).expect("readable");
    let place = Reserved::new(bytes).expect("address space").vacate();
    let mut starts = Vec::new();
    for _ in 0..3 {
        let mapping = place.map(&file).expect("it is free");
        assert_eq!(&mapping[..], &content[..]);
        starts.push(mapping.as_ptr().addr());
        assert!(place.map(&file).is_err());
    }
    assert!(starts[0].is_multiple_of(2 << 20));
    assert_eq!(starts, [starts[0]; 3]);
}
