import Kernel
import Testing

@testable import WebKernel

@Suite("the pace of callers")
struct RateLimiterTests {
    private static let start = Moment(seconds: 1_790_000_000)

    private static func request(
        _ path: String = "/api/v1/runs", from client: String = "192.0.2.1", as key: String? = nil
    )
        -> WebRequest
    {
        WebRequest(
            method: .post, path: path, query: [], headers: WebHeaders(key.map { [(name: "authorization", value: $0)] } ?? []),
            body: [], parameters: [:], id: "r", receivedAt: start, client: client)
    }

    /// How many of so many requests are let in.
    private static func admitted(_ limiter: RateLimiter, _ count: Int, _ request: (Int) -> WebRequest) -> Int {
        (0..<count).filter { number in
            do {
                try limiter.admit(request(number))
                return true
            } catch { return false }
        }.count
    }

    private static let burst = Int(RateLimiter.burst)

    @Test("who hurries is slowed, and nobody else")
    func callers() {
        let time = Locked(Self.start)
        let clock = WallClock { time.withLock { $0 } }
        let limiter = RateLimiter(clock: clock)
        #expect(Self.admitted(limiter, Self.burst + 50) { _ in Self.request(as: "a") } == Self.burst)
        #expect(Self.admitted(limiter, 50) { _ in Self.request(as: "b") } == 50)
        time.withLock { $0 = $0.adding(seconds: 1) }
        #expect(Self.admitted(limiter, 500) { _ in Self.request(as: "a") } == Int(RateLimiter.perSecond))
    }

    @Test("made-up credentials and ever new receivers bring an address no more than its whole allowance")
    func inventions() {
        let time = Locked(Self.start)
        let clock = WallClock { time.withLock { $0 } }
        let whole = Self.burst * Int(RateLimiter.addressSize)
        let invented = RateLimiter(clock: clock)
        #expect(Self.admitted(invented, whole + 500) { Self.request(as: "invented \($0)") } == whole)
        #expect(Self.admitted(invented, 10) { _ in Self.request(from: "192.0.2.2", as: "known") } == 10)
        let receivers = RateLimiter(clock: clock)
        #expect(Self.admitted(receivers, whole + 500) { Self.request("/api/v1/inbound/r\($0)/alertmanager") } == whole)
    }

    @Test("callers beyond what is remembered share one bucket, and nobody who is known loses or gains by it")
    func crowd() {
        let time = Locked(Self.start)
        let clock = WallClock { time.withLock { $0 } }
        let limiter = RateLimiter(clock: clock, callersMax: 20)
        #expect(Self.admitted(limiter, Self.burst + 1) { _ in Self.request(as: "hasty") } == Self.burst)
        let whole = Self.burst * Int(RateLimiter.addressSize)
        let strangers = Self.admitted(limiter, 2 * whole) { Self.request(from: "stranger \($0)", as: "s\($0)") }
        #expect(strangers < whole, "each would be let in if the buckets were emptied for them")
        #expect(Self.admitted(limiter, 1) { _ in Self.request(as: "hasty") } == 0, "the crowd emptied nothing")
        time.withLock { $0 = $0.adding(seconds: 60) }
        #expect(Self.admitted(limiter, 200) { Self.request(from: "other \($0)", as: "t\($0)") } == 200)
    }
}
