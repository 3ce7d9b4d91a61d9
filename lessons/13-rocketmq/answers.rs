//! A consumer asks for the messages of a queue, and the broker answers with the records, in three ways.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, ensure};
use lessons::memory::touched_buffer;
use lessons::shared::Shared;
use lessons::{Role, Scenario};
use nix::sys::sendfile::sendfile64;

use crate::Data;
use crate::consumer::{self, ANSWER_BYTES, Request};
use crate::messages::TOPIC;
use crate::store::{Place, Store};

/// How the bytes of the log come into the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Copied to the heap, and from there into the buffer that is sent: `transferMsgByHeap`, the default.
    Heap,
    /// write(2) of the mapping itself, a call for each message.
    Mapping,
    /// sendfile(2), a call for each message: what the product does not do.
    Sendfile,
}

/// What the two processes leave for the lesson.
#[derive(Default)]
pub(crate) struct Board {
    pub(crate) asked: AtomicU64,
    pub(crate) user_copied_bytes: AtomicU64,
    pub(crate) received_bytes: AtomicU64,
    pub(crate) received_messages: AtomicU64,
    pub(crate) damaged_messages: AtomicU64,
}

impl Board {
    fn observe(&self, scenario: &Scenario) {
        for (name, number) in [
            ("requests", &self.asked),
            ("user_copied_bytes", &self.user_copied_bytes),
            ("received_bytes", &self.received_bytes),
            ("received_messages", &self.received_messages),
            ("damaged_messages", &self.damaged_messages),
        ] {
            scenario.observe(name, number.load(Relaxed).cast_signed());
        }
    }
}

/// All queues, from their beginning to their end, over a TCP connection of this machine with itself.
pub(crate) fn give(scenario: &mut Scenario, data: &Data, way: Way) -> Result<()> {
    let (mut store, messages) = data.filled_store()?;
    store.dispatch()?;
    let lengths: Vec<u64> = store.queues.iter().map(|queue| queue.entries).collect();
    let bytes: usize = messages.iter().map(|message| message.record_bytes()).sum();
    let board = Shared::<Board>::new()?;
    let mut buffers = Buffers::new()?;
    let mut answer = touched_buffer(ANSWER_BYTES)?;
    let (broker, consumer) = connection()?;
    let (mut broker, mut consumer) = (Some(broker), Some(consumer));
    let answered = scenario.run(|round| -> Result<()> {
        round.work.bytes = bytes as u64;
        round.work.operations = messages.count() as u64;
        // Each process keeps its own end only: so each learns when the other one is gone.
        round.fork(Role::Sender, || {
            drop(consumer.take());
            let socket = broker.take().context("the broker's end")?;
            serve(&store, socket, way, &mut buffers, &board)
        })?;
        drop(broker.take());
        round.fork(Role::Receiver, || {
            let socket = consumer.take().context("the consumer's end")?;
            consumer::pull_all(socket, &lengths, &mut answer, &board)
        })?;
        drop(consumer.take());
        Ok(())
    });
    if let Some(answered) = answered {
        answered?;
        board.observe(scenario);
    }
    Ok(())
}

/// Without a delay, as in the product: an answer of many small writes would wait for acknowledgements.
fn connection() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("bind")?;
    let address = listener.local_addr().context("getsockname")?;
    let consumer = TcpStream::connect(address).context("connect")?;
    let (broker, _) = listener.accept().context("accept")?;
    for end in [&broker, &consumer] {
        end.set_nodelay(true).context("setsockopt(TCP_NODELAY)")?;
    }
    Ok((broker, consumer))
}

/// What a copying broker copies into: the heap, and the network library's own buffer.
struct Buffers {
    heap: memmap2::MmapMut,
    network: memmap2::MmapMut,
}

impl Buffers {
    fn new() -> Result<Self> {
        Ok(Buffers {
            heap: touched_buffer(ANSWER_BYTES)?,
            network: touched_buffer(ANSWER_BYTES)?,
        })
    }
}

fn serve(
    store: &Store,
    mut socket: TcpStream,
    way: Way,
    buffers: &mut Buffers,
    board: &Board,
) -> Result<()> {
    let mut request = [0; Request::BYTES];
    let mut places = [Place::default(); Request::MOST as usize];
    // A consumer that has all it wants closes its end.
    while socket.read(&mut request[..1]).context("read")? == 1 {
        socket.read_exact(&mut request[1..]).context("read")?;
        let places = find(store, Request::decode(request), &mut places)?;
        match way {
            Way::Heap => by_heap(store, &mut socket, places, buffers, board)?,
            Way::Mapping => by_mapping(store, &mut socket, places)?,
            Way::Sendfile => by_sendfile(store, &socket, places)?,
        }
    }
    Ok(())
}

/// Where the messages stand that were asked for: from their entries, without a look at the log.
fn find<'a>(store: &Store, request: Request, places: &'a mut [Place]) -> Result<&'a [Place]> {
    let queue = store.queues.get(TOPIC, request.queue);
    let queue = queue.with_context(|| format!("there is no queue {}", request.queue))?;
    let mut count = 0;
    for (place, number) in places.iter_mut().zip(request.first..queue.entries) {
        let entry = queue.entry(number).context("an entry is missing")?;
        *place = Place {
            offset: entry.offset,
            bytes: entry.bytes as usize,
        };
        count += 1;
    }
    Ok(&places[..count])
}

fn record(store: &Store, place: Place) -> Result<&[u8]> {
    let record = store.log.slice(place);
    record.context("an entry points behind the log")
}

/// `readGetMessageResult`, and what the network library does with the array that it gets.
fn by_heap(
    store: &Store,
    socket: &mut TcpStream,
    places: &[Place],
    buffers: &mut Buffers,
    board: &Board,
) -> Result<()> {
    let mut end = 0;
    for place in places {
        let record = record(store, *place)?;
        buffers.heap[end..end + record.len()].copy_from_slice(record);
        end += record.len();
    }
    buffers.network[..end].copy_from_slice(&buffers.heap[..end]);
    board.user_copied_bytes.fetch_add(2 * end as u64, Relaxed);
    socket.write_all(&buffers.network[..end]).context("write")
}

/// `ManyMessageTransfer`
fn by_mapping(store: &Store, socket: &mut TcpStream, places: &[Place]) -> Result<()> {
    places
        .iter()
        .try_for_each(|place| socket.write_all(record(store, *place)?).context("write"))
}

fn by_sendfile(store: &Store, socket: &TcpStream, places: &[Place]) -> Result<()> {
    for place in places {
        let segment = store.log.segments.at(place.offset);
        let segment = segment.context("an entry points behind the log")?;
        let mut offset = i64::try_from(segment.place(place.offset))?;
        let mut left = place.bytes;
        while left > 0 {
            let sent =
                sendfile64(socket, &segment.file, Some(&mut offset), left).context("sendfile")?;
            ensure!(sent > 0, "the log is shorter than its index says");
            left -= sent;
        }
    }
    Ok(())
}
