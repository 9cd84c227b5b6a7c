package stage

import "sync"

// queue is a line without end between goroutines that must not wait and one that works through it.
type queue[T any] struct {
	mu     sync.Mutex
	items  []T
	closed bool
	ready  chan struct{} // holds a token while there is something to take or nothing will come any more
}

func newQueue[T any]() *queue[T] { return &queue[T]{ready: make(chan struct{}, 1)} }

// put adds an item, and says false when the queue is closed.
func (q *queue[T]) put(item T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.items = append(q.items, item)
	q.signal()
	return true
}

// take waits for items and returns all there are, in the order they came; none once the queue is closed and empty.
func (q *queue[T]) take() []T {
	for {
		<-q.ready
		q.mu.Lock()
		items := q.items
		q.items = nil
		if q.closed {
			q.signal() // the next take does not wait either
		}
		if len(items) > 0 || q.closed {
			q.mu.Unlock()
			return items
		}
		q.mu.Unlock()
	}
}

// close lets nothing in any more. What is in the queue can still be taken.
func (q *queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// closeIfEmpty closes the queue unless something has come meanwhile, and says whether it did.
func (q *queue[T]) closeIfEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) > 0 {
		return false
	}
	q.closed = true
	q.signal()
	return true
}

// size is how many items wait.
func (q *queue[T]) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// signal needs q.mu.
func (q *queue[T]) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
