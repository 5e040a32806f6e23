import Connectors
import Kernel
import Testing

@Suite("A connection's pace")
struct PaceTests {
    private let start = Moment(seconds: 1_793_000_000)

    @Test("five calls in a row without an answer open the circuit, one probe closes it again")
    func breaker() {
        var breaker = CircuitBreaker()
        for _ in 0..<5 {
            #expect(breaker.admit(at: start) == nil)
            breaker.handle(.unreachable, at: start)
        }
        #expect(breaker.admit(at: start) == 6)
        let later = start.adding(seconds: 5)
        #expect(breaker.admit(at: later) == nil, "one request goes out to see")
        #expect(breaker.admit(at: later) == 1, "and only one")
        breaker.handle(.answered, at: later)
        #expect(breaker.phase == .closed(weight: 0))
    }

    @Test("a failed probe keeps it closed to us twice as long, up to two minutes")
    func growingPause() {
        var breaker = CircuitBreaker()
        for _ in 0..<5 { breaker.handle(.unreachable, at: start) }
        var now = start
        var pauses: [Int64] = []
        for _ in 0..<8 {
            guard case .open(let until, _) = breaker.phase else { break }
            pauses.append(until.seconds(since: now))
            now = until
            #expect(breaker.admit(at: now) == nil)
            breaker.handle(.unreachable, at: now)
        }
        #expect(pauses == [5, 10, 20, 40, 80, 120, 120, 120])
    }

    @Test("a rejected login opens it at once, an overloaded answer counts half, an answer forgets everything")
    func weights() {
        var login = CircuitBreaker()
        login.handle(.loginRejected, at: start)
        #expect(login.admit(at: start) != nil)
        var busy = CircuitBreaker()
        for _ in 0..<9 { busy.handle(.overloaded, at: start) }
        #expect(busy.admit(at: start) == nil)
        busy.handle(.answered, at: start)
        for _ in 0..<9 { busy.handle(.overloaded, at: start) }
        #expect(busy.admit(at: start) == nil)
        busy.handle(.overloaded, at: start)
        #expect(busy.admit(at: start) != nil)
    }

    @Test("a person who tests is let through an open circuit, alone")
    func trial() {
        var breaker = CircuitBreaker()
        breaker.handle(.loginRejected, at: start)
        #expect(breaker.admit(at: start) != nil)
        breaker.allowTrial(at: start)
        #expect(breaker.admit(at: start) == nil)
        #expect(breaker.admit(at: start) != nil, "only one")
        breaker.handle(.loginRejected, at: start)
        #expect(breaker.admit(at: start.adding(seconds: 5)) != nil, "the next pause is longer")
    }

    @Test("a probe that was never sent does not lock the circuit")
    func unsentProbe() {
        var breaker = CircuitBreaker()
        for _ in 0..<5 { breaker.handle(.unreachable, at: start) }
        let later = start.adding(seconds: 5)
        #expect(breaker.admit(at: later) == nil)
        breaker.handle(.inconclusive, at: later)
        #expect(breaker.admit(at: later) == nil, "another may try")
    }

    @Test("no more requests go out than the rate allows, however time moves", arguments: [1, 7, 50, 1000])
    func rate(perSecond: Int) {
        var bucket = TokenBucket(perSecond: perSecond, at: start)
        var now = start
        var sent = 0
        // Ten seconds of asking whenever the bucket says so.
        while now < start.adding(seconds: 10) {
            if let pause = bucket.take(at: now) {
                #expect(pause > 0)
                now = Moment(microseconds: now.microseconds + pause)
            } else {
                sent += 1
            }
        }
        #expect(sent >= perSecond * 10 && sent <= perSecond * 11 + 1, "a burst of one second at the start, then the rate")
    }

    @Test("a clock that steps back takes no tokens away for good")
    func backwards() {
        var bucket = TokenBucket(perSecond: 1, at: start)
        #expect(bucket.take(at: start) == nil)
        #expect(bucket.take(at: start.adding(seconds: -3600)) != nil)
        #expect(bucket.take(at: start.adding(seconds: -3599)) == nil)
    }
}
