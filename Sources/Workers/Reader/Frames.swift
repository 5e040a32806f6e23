internal import Glibc

/// Frames on a descriptor: four bytes of length, the most significant first, then so many bytes.
enum Frames {
    enum Failure: Error, Equatable {
        /// The other side closed at a frame's border.
        case ended
        case brokenOff
        case tooLong(Int)
        case timedOut
        case system(Int32)
    }

    /// No deadline: waits for ever, as the service does for its next document.
    static let never: Int64 = .max

    static func read(_ descriptor: Int32, maxBytes: Int, deadline: Int64 = never) throws(Failure) -> [UInt8] {
        let head = try fill(descriptor, count: 4, deadline: deadline, mayEnd: true)
        let length = head.reduce(0) { $0 << 8 | Int($1) }
        guard length <= maxBytes else { throw .tooLong(length) }
        return try fill(descriptor, count: length, deadline: deadline, mayEnd: false)
    }

    static func write(_ descriptor: Int32, _ bytes: [UInt8], deadline: Int64 = never) throws(Failure) {
        let length = UInt32(bytes.count)
        let head = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> UInt32($0)) }
        try drain(descriptor, head, deadline: deadline)
        try drain(descriptor, bytes, deadline: deadline)
    }

    /// Milliseconds of a clock that never jumps.
    static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    private static func fill(_ descriptor: Int32, count: Int, deadline: Int64, mayEnd: Bool) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            try wait(descriptor, POLLIN, deadline)
            let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + filled, count - filled) }
            if got > 0 {
                filled += got
            } else if got == 0 {
                throw filled == 0 && mayEnd ? .ended : .brokenOff
            } else if errno != EINTR && errno != EAGAIN {
                throw .system(errno)
            }
        }
        return bytes
    }

    private static func drain(_ descriptor: Int32, _ bytes: [UInt8], deadline: Int64) throws(Failure) {
        var sent = 0
        while sent < bytes.count {
            try wait(descriptor, POLLOUT, deadline)
            let put = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + sent, bytes.count - sent) }
            if put >= 0 {
                sent += put
            } else if errno != EINTR && errno != EAGAIN {
                throw .system(errno)
            }
        }
    }

    /// With a deadline the descriptor must not block by itself, and this waits; without one the call itself blocks.
    private static func wait(_ descriptor: Int32, _ events: Int32, _ deadline: Int64) throws(Failure) {
        guard deadline != never else { return }
        while true {
            let left = deadline - milliseconds()
            guard left > 0 else { throw .timedOut }
            var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let ready = poll(&entry, 1, Int32(clamping: left))
            if ready > 0 { return }
            if ready < 0 && errno != EINTR { throw .system(errno) }
        }
    }
}
