import Glibc
import Kernel

/// Plain sockets and threads for servers of tests, which say what no HTTP library would say.
package enum Loopback {
    /// A socket that listens on a free port of 127.0.0.1.
    package static func listen(backlog: Int32) throws -> (socket: Int32, port: Int) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound, Glibc.listen(listener, backlog) == 0 else {
            throw Fault("listening on 127.0.0.1", String(cString: strerror(errno)), isRetryable: false)
        }
        return (listener, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// Runs the body on a thread of its own, so that it may wait for a socket.
    package static func thread(_ body: @escaping @Sendable () -> Void) {
        final class Work: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().body() }
                return nil
            }, Unmanaged.passRetained(Work(body)).toOpaque())
        pthread_detach(thread)
    }
}
