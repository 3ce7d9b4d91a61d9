//! A consumer pulls all messages over TCP, and the broker sends the records in one of four ways.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

use anyhow::{Context, Result};
use lessons::memory::touched_buffer;
use lessons::shared::Shared;
use lessons::{Role, Scenario};

use crate::Setup;
use crate::consumer::pull_all;
use crate::delivery::{Buffers, Delivery};
use crate::protocol::{ANSWER_BYTES, AnswerBoard};
use crate::serve::serve;

/// Broker and consumer are two processes of this machine.
pub(crate) fn give(scenario: &mut Scenario, setup: &Setup, delivery: Delivery) -> Result<()> {
    let (mut store, messages) = setup.filled_store()?;
    store.dispatch()?;
    let lengths: Vec<u64> = store.queues.iter().map(|queue| queue.entries).collect();
    let bytes: usize = messages.iter().map(|message| message.record_bytes()).sum();
    let board = Shared::<AnswerBoard>::new()?;
    let mut buffers = Buffers {
        heap: touched_buffer(ANSWER_BYTES)?,
        network: touched_buffer(ANSWER_BYTES)?,
    };
    let mut answer = touched_buffer(ANSWER_BYTES)?;
    let (broker, consumer) = connection()?;
    let (mut broker, mut consumer) = (Some(broker), Some(consumer));
    scenario.use_all_cpus();
    let answered = scenario.run(|round| -> Result<()> {
        round.work.bytes = bytes as u64;
        round.work.operations = messages.count() as u64;
        // Each process keeps only its own end, so that it notices when the other one is gone.
        round.fork(Role::Sender, || {
            drop(consumer.take());
            let socket = broker.take().context("the broker's end")?;
            serve(&store, socket, delivery, &mut buffers, &board)
        })?;
        drop(broker.take());
        round.fork(Role::Receiver, || {
            let socket = consumer.take().context("the consumer's end")?;
            pull_all(socket, &lengths, &mut answer, &board)
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

/// Without Nagle's delay, as in the product: it would hold a small write back until the one before is
/// acknowledged.
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
