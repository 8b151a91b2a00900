// Package e2e tests the built program from outside: it starts weft, talks to
// it over HTTP and WebSocket as clients do, kills it, and looks whether it kept
// its promises. There is nothing in it but tests.
//
// The client here keeps the durability promise to its word. Every edit inserts
// or deletes a token, eight characters that no other edit inserts. An edit
// counts as acknowledged when the server has sent it back, alone or merged with
// others. After every crash somebody who has never been there opens the room
// before any writer does, so that what they find can come from the server's
// disk alone: each token whose insertion was acknowledged, once, and none whose
// deletion was.
//
// Chat is checked as a log: 30 clients post and read over sockets and HTTP while
// sockets and streams are cut, requests given up and the server killed, and remember
// all that they were told and when. At the end the history must be what they were told,
// and some order of all that they did must explain all answers.
//
// WEFT_CRASH_ROUNDS sets the number of crashes, WEFT_MOUNT=1 lets a test fill a
// disk of its own (as root), WEFT_SEED replays a run's random choices (but not
// its timing).
package e2e
