package transport

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// share lets others of this user listen on the address of a socket that is bound already: SO_REUSEPORT.
func share(udp *net.UDPConn) error {
	raw, err := udp.SyscallConn()
	if err != nil {
		return err
	}
	if controlErr := raw.Control(func(fd uintptr) {
		err = os.NewSyscallError("setsockopt SO_REUSEPORT", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	}); controlErr != nil {
		return controlErr
	}
	return err
}
