import Glibc

/// Where random bits come from; given to whoever needs them, so that a test can replay.
package struct Entropy: Sendable {
    private let source: @Sendable () -> UInt64

    package init(_ source: @escaping @Sendable () -> UInt64) {
        self.source = source
    }

    package func next() -> UInt64 { source() }

    package func bytes(_ count: Int) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(count)
        while out.count < count {
            withUnsafeBytes(of: next()) { out.append(contentsOf: $0.prefix(count - out.count)) }
        }
        return out
    }

    /// The kernel's generator (`getrandom`, by way of the standard library).
    package static let system = Entropy {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}

/// Where the time comes from; given to whoever needs it, so that a test can move it.
package struct WallClock: Sendable {
    private let source: @Sendable () -> Moment

    package init(_ source: @escaping @Sendable () -> Moment) {
        self.source = source
    }

    package var now: Moment { source() }

    package static let system = WallClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Moment(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }
}
