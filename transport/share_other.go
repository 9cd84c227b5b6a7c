//go:build !linux

package transport

import (
	"errors"
	"net"
)

func share(*net.UDPConn) error { return errors.ErrUnsupported }
