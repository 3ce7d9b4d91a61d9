//! Requests of `io_uring` that go on and post an event for each piece that arrives.

use std::os::unix::net::UnixStream;

use anyhow::{Context as _, Result, ensure};
use io_uring::{cqueue, opcode, types::Fd, types::RecvMsgOut};
use nix::unistd::pipe;

use super::{
    Carrier, Play, Request, Ring, Work,
    ring::number,
    sockets::{tcp_pair, udp_pair},
};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("ring-repeated-receive", |work| {
        receive(work, Carrier::Submitter)
    }),
    ("ring-repeated-receive-waiting", |work| {
        receive(work, Carrier::WaitingSubmitter)
    }),
    ("ring-repeated-receive-polled", |work| {
        receive(work, Carrier::Poller)
    }),
    ("ring-repeated-message", messages),
    ("ring-repeated-read", read),
    ("ring-provided-buffer", provided),
];

/// Buffers that the program lends to the kernel, and their group.
const BUFFERS: u16 = 64;
const BUFFER_BYTES: u16 = 4096;
const GROUP: u16 = 9;

fn memory() -> Vec<u8> {
    vec![0; usize::from(BUFFERS) * usize::from(BUFFER_BYTES)]
}

/// Lends memory to the kernel.
fn lend(ring: &mut Ring, memory: &mut [u8]) -> Result<()> {
    let lend = opcode::ProvideBuffers::new(
        memory.as_mut_ptr(),
        i32::from(BUFFER_BYTES),
        BUFFERS,
        GROUP,
        0,
    );
    ring.one(Request::of(lend.build())).map(drop)
}

/// Waits for events until the sum of their payload is `bytes`; `false` if the kernel does not know the request.
fn collect(
    ring: &mut Ring,
    request: &Request,
    bytes: usize,
    payload: impl Fn(usize, u32) -> Result<usize>,
) -> Result<bool> {
    let mut total = 0;
    while total < bytes {
        let (name, result, flags) = ring.event()?;
        match result {
            _ if result == -libc::EINVAL && total == 0 => return Ok(false),
            0.. => total += payload(usize::try_from(result)?, flags)?,
            _ => ensure!(
                result == -libc::ENOBUFS,
                "event of {name}: error {}",
                -result
            ),
        }
        if !cqueue::more(flags) {
            ring.push(request, name)?;
        }
    }
    ensure!(total == bytes, "{total} of {bytes} bytes");
    Ok(true)
}

/// Two connections at once.
fn receive(work: &mut Work, carrier: Carrier) -> Result<()> {
    let mut ring = Ring::new(carrier)?;
    let mut memory = memory();
    lend(&mut ring, &mut memory)?;
    let (left, right) = UnixStream::pair().context("socketpair")?;
    let (client, server) = tcp_pair()?;
    let repeated = |socket| Request::of(opcode::RecvMulti::new(Fd(socket), GROUP).build());
    let (first, second) = (repeated(number(&right)), repeated(number(&server)));
    ring.push(&first, 1)?;
    ring.push(&second, 2)?;
    ring.submit()?;
    for _ in 0..6 {
        let local = vec![1; work.random.between(1, 9_000)];
        let remote = vec![1; work.random.between(1, 9_000)];
        let sent = sys::send(&left, &local, 0)? + sys::send(&client, &remote, 0)?;
        ensure!(sent == local.len() + remote.len(), "{sent} bytes sent");
        let mut total = 0;
        while total < sent {
            let (name, result, flags) = ring.event()?;
            ensure!(result > 0, "event of {name}: {result}");
            total += usize::try_from(result)?;
            if !cqueue::more(flags) {
                ring.push(if name == 1 { &first } else { &second }, name)?;
            }
            if let Some(buffer) = cqueue::buffer_select(flags) {
                give_back(&mut ring, &mut memory, buffer)?;
            }
        }
        work.expected.both("socket", sent);
    }
    Ok(())
}

/// Lends one buffer again; its event comes between those of the requests and is skipped.
fn give_back(ring: &mut Ring, memory: &mut [u8], buffer: u16) -> Result<()> {
    let start = memory[usize::from(buffer) * usize::from(BUFFER_BYTES)..].as_mut_ptr();
    let lend =
        opcode::ProvideBuffers::new(start, i32::from(BUFFER_BYTES), 1, GROUP, buffer).build();
    ring.push(
        &Request::of(lend.flags(io_uring::squeue::Flags::SKIP_SUCCESS)),
        3,
    )
}

/// Each event begins with a description of the message.
fn messages(work: &mut Work) -> Result<()> {
    let mut ring = Ring::new(Carrier::Submitter)?;
    let mut memory = memory();
    lend(&mut ring, &mut memory)?;
    let (sender, receiver) = udp_pair()?;
    // SAFETY: an all-zero header is a valid one.
    let mut header: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
    header.msg_namelen = 28;
    header.msg_controllen = 64;
    let request = opcode::RecvMsgMulti::new(Fd(number(&receiver)), &raw const *header, GROUP);
    let request = Request::of(request.build());
    ring.push(&request, 1)?;
    ring.submit()?;
    for _ in 0..10 {
        let datagram = vec![1; work.random.between(1, 3_000)];
        let sent = sys::send(&sender, &datagram, 0)?;
        collect(&mut ring, &request, sent, |result, flags| {
            let buffer = cqueue::buffer_select(flags).context("no buffer")?;
            let start = usize::from(buffer) * usize::from(BUFFER_BYTES);
            let whole = &memory[start..start + result];
            let message = RecvMsgOut::parse(whole, &header)
                .map_err(|()| anyhow::anyhow!("an event of {result} bytes"))?;
            Ok(message.payload_data().len())
        })?;
        work.expected.both("socket", sent);
    }
    Ok(())
}

/// Kernels before 6.7 do not know the request.
fn read(work: &mut Work) -> Result<()> {
    let mut ring = Ring::new(Carrier::Submitter)?;
    let mut memory = memory();
    lend(&mut ring, &mut memory)?;
    let (from, into) = pipe().context("pipe")?;
    let request = opcode::ReadMulti::new(Fd(number(&from)), 0, GROUP).offset(u64::MAX);
    let request = Request::of(request.build());
    ring.push(&request, 1)?;
    ring.submit()?;
    for _ in 0..6 {
        let buffer = vec![1; work.random.between(1, 9_000)];
        let written = sys::write(&into, &buffer)?;
        work.expected.add_from_user("pipe", written);
        if !collect(&mut ring, &request, written, |result, _| Ok(result))? {
            return Ok(());
        }
        work.expected.add_to_user("pipe", written);
    }
    Ok(())
}

/// One receive into a buffer that the kernel chooses.
fn provided(work: &mut Work) -> Result<()> {
    let mut ring = Ring::new(Carrier::Submitter)?;
    let mut memory = memory();
    lend(&mut ring, &mut memory)?;
    let (left, right) = UnixStream::pair().context("socketpair")?;
    for _ in 0..6 {
        let sent = sys::send(
            &left,
            &vec![1; work.random.between(1, usize::from(BUFFER_BYTES))],
            0,
        )?;
        let receive = opcode::Recv::new(
            Fd(number(&right)),
            std::ptr::null_mut(),
            u32::from(BUFFER_BYTES),
        );
        let receive = receive.buf_group(GROUP).build();
        let receive = Request::of(receive.flags(io_uring::squeue::Flags::BUFFER_SELECT));
        let received = ring.one(receive)?;
        ensure!(received == sent, "{received} of {sent} bytes");
        work.expected.both("socket", sent);
    }
    Ok(())
}
