package sfu

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLoggers gives pion loggers. What pion calls an error or a warning is nearly always the other side's doing, so it is
// written as debug output; what matters to the operator reaches him as the cause a session ended with.
type pionLoggers struct{ log *slog.Logger }

func (p pionLoggers) NewLogger(scope string) logging.LeveledLogger {
	return newPionLogger(p.log, scope)
}

type pionLogger struct{ log *slog.Logger }

func newPionLogger(log *slog.Logger, scope string) logging.LeveledLogger {
	return pionLogger{log.With("pion", scope)}
}

func (l pionLogger) write(text string) { l.log.Debug(text) }

func (l pionLogger) writef(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug(fmt.Sprintf(format, args...))
	}
}

// Trace and Debug of pion tell of every packet; they are left out.
func (pionLogger) Trace(string)          {}
func (pionLogger) Tracef(string, ...any) {}
func (pionLogger) Debug(string)          {}
func (pionLogger) Debugf(string, ...any) {}

func (l pionLogger) Info(text string)                  { l.write(text) }
func (l pionLogger) Infof(format string, args ...any)  { l.writef(format, args...) }
func (l pionLogger) Warn(text string)                  { l.write(text) }
func (l pionLogger) Warnf(format string, args ...any)  { l.writef(format, args...) }
func (l pionLogger) Error(text string)                 { l.write(text) }
func (l pionLogger) Errorf(format string, args ...any) { l.writef(format, args...) }
