// Package netpoll is the transport of the WebSocket doors: how bytes get from a
// client's socket to the server and back. It knows the framing of RFC 6455, and no
// room, event, dialect or WebSocket library.
//
// A WebSocket library reads each connection on a goroutine of its own and writes it on
// another. For the most frequent messages, which are updates of a hundred bytes, waking
// these goroutines costs more than the work itself. So package netpoll puts a [Conn]
// below the library, which is a net.Conn with a shortcut in each direction:
//
//	          ┌─────────────── Conn ────────────────┐
//	          │                                     │
//	socket ──►│ poller ─┬─ small whole messages ────┼─────────────────────► Handler.TryHandle
//	          │         └─ all else ──► Read ───────┼─► library's reader ─► message handler
//	          │                                     │
//	socket ◄──┼─ TryWrite: if it need not block ◄───┼────────────────────── sender
//	          │  Write: may block ◄─────────────────┼── library's writer ◄─ sender
//	          └─────────────────────────────────────┘
//
// # What it buys
//
// In 1,000 rooms of two writers each the poller took 0.83 of the CPU without it (medians
// of four runs in turn). An idle connection took 19.4 to 19.9 kB instead of 21.0 to 21.4,
// together with smaller buffers. For rooms of more than 32 peers reading inline changes
// nothing that can be told from noise. server/BENCHMARKS.md has the figures and their
// conditions.
//
// # Modes
//
// With [ModeAuto] connections over TCP on Linux (amd64, arm64) are polled. With
// [ModeOff], on other systems, and for connections that are not TCP (TLS, say), the Conn
// passes everything to the net package: TryWrite takes nothing and TryHandle is never
// called. Only in mode auto is this true:
//
//   - A handler is called on a goroutine of the poller.
//   - Frames are written by the goroutine that has them.
//   - The read deadline of a blocked Read takes effect when [Conn.CheckReadDeadline] is
//     called.
//
// Either way a connection lingers when it is closed; see [Conn.Close].
//
// # Goroutines
//
// A [Transport] with a poller starts one goroutine, which waits for events of all its
// sockets. It starts more, up to GOMAXPROCS, when many sockets have events at once, and
// one when the others are stalled ([Transport.CheckStalled]). They end when they have
// nothing to do, and Transport.Close waits for them. Read and Write run on the caller's
// goroutines.
//
// # Hand-over between poller and Read
//
// The bytes of a socket are handled by the poller or returned by Read, never both, and
// in the order in which they came:
//
//   - The poller reads only while a goroutine is blocked in Read and everything that
//     Read has returned so far ends with a whole message. A [frameTracker] knows that.
//   - The poller offers whole, unfragmented, binary messages to the handler, in order.
//     From the first that the handler refuses on, the bytes are kept for Read.
//   - While the poller handles bytes, Read waits. While bytes are kept for Read, the
//     poller does not read.
//   - A socket of which the poller has read 4 times without coming to an end is left to
//     Read, so that a fast sender does not hold up other sockets.
//
// The epoll is edge-triggered: it reports a socket once, and reports it again only when
// more has come after a read that found nothing. The field socket.readable remembers
// this.
//
// # Hand-over between TryWrite and Write
//
// The caller has at most one message in flight: when TryWrite returns false, the same
// message must be passed to the library next. If the kernel took only a part of the
// frame, the Conn keeps the rest. The rest is sent before anything that the library
// writes then, and the library's own copy of the frame is discarded.
//
// # When epoll fails
//
// If the poller cannot be started, [New] logs that and uses the net package. If epoll fails
// later, the poller logs it and hands every socket to the runtime's own poller, as an
// os.File; see [socket.leavePoller]. Blocked calls of Read and Write notice and go on.
// No byte is lost or reordered. New connections use the net package.
//
// # Locks
//
// In the order in which they are taken:
//
//	pollConn.writing   held by Write, also while it blocks, and by TryWrite, which gives
//	                   up rather than wait for it
//	socket.mu          never held during a call that blocks, or while the handler runs
//	poller.mu          never held during a system call other than epoll_ctl
package netpoll
