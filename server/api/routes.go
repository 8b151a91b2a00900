package api

import "github.com/labstack/echo/v4/middleware"

// routes registers every route of the server.
func (a *API) routes() {
	e := a.echo

	// Pages.
	e.GET("/", a.page("index.html"))
	e.GET("/s/*", a.space)
	e.GET("/*", a.file)

	// WebSockets, one path for each dialect.
	e.GET("/ws/*", a.yWebsocket)
	e.GET("/hocuspocus", a.hocuspocus)
	e.GET("/hocuspocus/", a.hocuspocus)
	e.GET("/socket", a.native)

	// The JSON API.
	g := e.Group("/api", middleware.BodyLimit("64KiB"))
	g.POST("/guests", a.newGuest)
	g.GET("/rooms", a.myRooms)
	g.GET("/rooms/:room/messages", a.listMessages)
	g.POST("/rooms/:room/messages", a.postMessage)
	g.GET("/rooms/:room/messages/:id", a.readMessage)
	g.PATCH("/rooms/:room/messages/:id", a.editMessage)
	g.DELETE("/rooms/:room/messages/:id", a.deleteMessage)
	g.PUT("/rooms/:room/messages/:id/reactions/:emoji", a.putReaction)
	g.DELETE("/rooms/:room/messages/:id/reactions/:emoji", a.deleteReaction)
	g.GET("/rooms/:room/lines", a.lines)
	g.GET("/rooms/:room/search", a.search)
	g.GET("/rooms/:room/read", a.unread)
	g.POST("/rooms/:room/read", a.markRead)
	g.GET("/rooms/:room/people", a.people)
	g.GET("/rooms/:room/events", a.roomEvents)
	g.GET("/rooms/:room/doc", a.readDoc)
	g.GET("/users/:user/access", a.getAccess)
	g.PUT("/users/:user/access", a.putAccess)
	g.DELETE("/users/:user/access", a.deleteAccess)
	g.GET("/presence", a.presence)
	g.GET("/notifications", a.listNotifications)
	g.POST("/notifications/read", a.readAllNotifications)
	g.POST("/notifications/:id/read", a.readNotification)
	g.GET("/push/key", a.pushKey)
	g.POST("/push/subscriptions", a.subscribe)
	g.DELETE("/push/subscriptions", a.unsubscribe)
	g.POST("/push/test", a.testPush)
	g.GET("/events", a.myEvents)

	g.GET("/openapi.yaml", a.openapi)

	// For operators.
	e.GET("/livez", a.livez)
	e.GET("/readyz", a.readyz)
	e.GET("/metrics", a.metrics)
}
