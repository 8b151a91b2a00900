// Package event defines every event that leaves the server, and every event
// that clients of the native protocol send to it.
//
// An event is a name and an object. There is one struct for each, whose doc
// comment says when it is sent, to whom and over which doors. The JSON tags of
// the struct are the names of the object's members on every door:
//
//	native protocol   msgpack of [name, object], in a body of type 16
//	server-sent       "event: name" and "data: object as JSON"
//	Hocuspocus        a stateless message {"weft":"event","name":name,"data":object}
//
// The TypeScript types of the SDK are generated from these structs by
// web/build, and so are the fixtures in testdata that Go and TypeScript decode.
//
// Members keep the conventions of the HTTP API: times are RFC 3339 strings in
// UTC, ids are strings, sizes are in bytes unless the field says otherwise.
package event
