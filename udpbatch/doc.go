// Package udpbatch sends and receives UDP datagrams in batches, as cheaply as the operating system allows.
//
// A trip through the kernel's send path costs several times what protecting a packet costs, so the package makes few of them: datagrams are
// queued in one arena, those that follow each other to the same destination are joined to a run, and Flush hands all runs to the
// kernel in one system call, each run as one message that the kernel, or the network card, cuts into datagrams (UDP_SEGMENT). Where the
// kernel refuses to cut, the datagrams of that run go as messages of their own; where there is no sendmmsg, one by one.
//
//	Room ──▶ packet built in the arena ──Add──▶ run ──Flush──▶ sendmmsg(runs) ──▶ kernel cuts runs
//	recvmmsg ──Read──▶ buffers ──Next──▶ datagram, its source
//
// A run has datagrams of one size, of which only the last may be shorter, at most 64 of them and 64 kB together. It is up to the
// caller to queue the packets of one destination one after the other, and to make them equally long where that is cheap.
//
// Invariants: datagrams leave in the order of Add; a datagram that cannot be sent is counted and does not hold up those behind it; a
// socket that is full is waited for, at most 10 ms a flush (where datagrams go one by one: 20 ms for each until one finds no room), and
// what then remains is counted and dropped, as any network would. An error of Add or Flush that is neither ErrSize nor ErrAddress means
// that the socket is closed or broken, never that one destination is.
// No call allocates, except to report an error, and for link-local addresses of IPv6.
//
// A Conn is safe for concurrent use. A Batch and a Reader are not; each belongs to one goroutine, and there may be several for one Conn.
// Flushes of one Conn take turns: Conn.sending is the only lock, and nothing else is locked under it.
package udpbatch
