package redis

// isOwn reports whether the node id is of this life or of a former one.
func (l *lease) isOwn(node string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return node == l.node || l.former[node]
}

// ignores reports whether the mirror skips entries of that node in Redis: they are
// this node's own, of this life or a former one, or those of a dead node.
func (l *lease) ignores(node string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return node == l.node || l.former[node] || l.dead[node]
}

// forgetAbsence is called when the mirror has no more connections of the node.
func (l *lease) forgetAbsence(node string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.absences, node)
}

// removeDeadNodes finds out from a renewal's reply which nodes are dead, stops showing
// their people and has their entries removed. It needs mirror.mu.
func (l *lease) removeDeadNodes(r leaseReply) {
	died, expired := l.findDead(r)
	if died {
		l.mirror.removeRemotes(func(c remoteConn) bool { return l.isDead(c.node) })
	}
	l.reaper.enqueue(expired)
}

func (l *lease) isDead(node string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead[node]
}

// findDead updates the set of dead nodes. died reports whether one was added.
// expired are all nodes that have an expired lease in Redis, also those that a reaper
// has begun and not finished. While the node settles it finds none. It needs mirror.mu.
//
//	lease ended before now                                   → dead, to be reaped
//	connections mirrored, no lease in two renewals in a row  → dead; another node has reaped it
//	dead, no lease, no connections mirrored                  → no longer remembered
func (l *lease) findDead(r leaseReply) (died bool, expired []string) {
	settling := l.isSettling()
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.former {
		if _, stored := r.ends[id]; !stored {
			delete(l.former, id)
		}
	}
	if settling {
		return false, nil
	}
	for id, end := range r.ends {
		if end >= r.now {
			continue
		}
		if !l.dead[id] {
			l.dead[id], died = true, true
		}
		expired = append(expired, id)
	}
	for id := range l.mirror.nodeConns {
		if _, stored := r.ends[id]; stored || l.dead[id] {
			delete(l.absences, id)
			continue
		}
		// Once proves nothing: the node may have started between this reply and
		// the reading of the room.
		if l.absences[id]++; l.absences[id] > 1 {
			l.dead[id], died = true, true
		}
	}
	for id := range l.dead {
		if _, stored := r.ends[id]; !stored && l.mirror.nodeConns[id] == 0 {
			delete(l.dead, id)
		}
	}
	return died, expired
}
