// Package e2e tests the built program from outside. The tests start weft, connect to it
// over HTTP and WebSocket as clients do, kill it, and check the state after a restart. The
// package contains only tests.
//
// The durability of documents is checked with tokens. Every edit inserts or deletes a
// token, eight characters that no other edit inserts. An edit is acknowledged when the
// server has sent it back, alone or merged with other edits. After every crash a new client
// opens the room before any writer reconnects, so that its text comes from the server's
// disk alone. The text must contain each token whose insertion was acknowledged, once, and
// no token whose deletion was acknowledged.
//
// Chat is checked as a log. 30 clients post and read over WebSockets and HTTP, while
// connections are cut, requests are abandoned, and the server is killed. They record every
// answer and its time. At the end the history must equal the answers, and one order of all
// requests must explain all of them.
//
// The environment sets: WEFT_CRASH_ROUNDS, the number of crashes; WEFT_MOUNT=1, which lets
// a test fill a disk of its own (as root); WEFT_SEED, which replays a run's random choices
// (but not its timing).
package e2e
