package bus

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"streamcat/stage"
)

// PublishNotice tells everybody who has subscribed to a stage. Notices of one Bus arrive in the order they were published.
func (b *Bus) PublishNotice(id stage.ID, notice stage.Notice) error {
	subject, err := noticeSubject(id)
	if err != nil {
		return fmt.Errorf("publish notice: %w", err)
	}
	message, err := json.Marshal(notice)
	if err != nil {
		return fmt.Errorf("publish notice of stage %s: %w", id, err)
	}
	if len(message) > maxNotice {
		return fmt.Errorf("publish notice of stage %s: %d bytes are more than a message may have", id, len(message))
	}
	if err := b.conn.Publish(subject, message); err != nil {
		return fmt.Errorf("publish notice of stage %s: %w", id, err)
	}
	return nil
}

// SubscribeNotices calls fn with every notice of a stage, one after another, in the order of publishing. When it returns, no later notice is missed. fn must
// not block. After cancel, fn is not called with anything new, but a call that has begun may still run.
func (b *Bus) SubscribeNotices(id stage.ID, fn func(stage.Notice)) (cancel func(), err error) {
	subject, err := noticeSubject(id)
	if err != nil {
		return nil, fmt.Errorf("subscribe to notices: %w", err)
	}
	sub, err := b.subscribe(subject, func(message *nats.Msg) {
		var notice stage.Notice
		if err := json.Unmarshal(message.Data, &notice); err != nil {
			b.log.Error("a notice cannot be read", "stage", id, "error", err)
			return
		}
		fn(notice)
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to notices of stage %s: %w", id, err)
	}
	return func() {
		// It fails when the subscription or the bus is closed already, which is what is wanted.
		_ = sub.Unsubscribe()
	}, nil
}

// subscribe returns after the server knows of the subscription.
func (b *Bus) subscribe(subject string, handle func(*nats.Msg)) (*nats.Subscription, error) {
	sub, err := b.register(subject, handle)
	if err != nil {
		return nil, err
	}
	if err := b.conn.FlushTimeout(flushTimeout); err != nil {
		_ = sub.Unsubscribe()
		return nil, err
	}
	return sub, nil
}

// register makes a subscription whose goroutine Close waits for. All of it happens before a Close or not at all.
func (b *Bus) register(subject string, handle func(*nats.Msg)) (*nats.Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed
	}
	sub, err := b.conn.Subscribe(subject, handle)
	if err != nil {
		return nil, err
	}
	b.callers.Add(1)
	sub.SetClosedHandler(func(string) { b.callers.Done() })
	return sub, nil
}
