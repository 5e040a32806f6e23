internal import Expressions
internal import Kernel

/// How long an expression of a policy takes, compiled, and how long the Python implementation takes for the same on this machine.
package struct BenchExpressions: Sendable {
    static let evaluationBar: Int64 = 1000
    /// At most this much of the time of the Python implementation, in thousandths: fifty times as fast.
    static let ratioBar: Int64 = 20
    static let roundsMeasured = 9
    static let roundMilliseconds: Int64 = 40
    static let pythonSecondsMax: Int64 = 300

    /// Conditions and columns as finance writes them; plain CEL, so that both sides can say them.
    static let samples: [(name: String, source: String)] = [
        ("amount above a limit", "invoice.grossMinor > 250000"),
        (
            "amount in a band of a currency",
            "invoice.currency == 'EUR' && invoice.grossMinor >= 100000 && invoice.grossMinor < 500000"
        ),
        ("country in a list", "supplier.country in ['DE', 'AT', 'CH', 'FR', 'NL']"),
        ("risk or new supplier", "supplier.risk == 'high' || supplier.isNew"),
        ("member that may be missing", "has(invoice.orderRef) ? invoice.orderRef : 'none'"),
        ("number of an order", "invoice.number.matches('^[A-Z]{2}-[0-9]{4,8}$')"),
        ("any line above a price", "invoice.lines.exists(l, l.netMinor > 100000)"),
        ("all lines coded", "invoice.lines.all(l, l.account.startsWith('6') && size(l.costCentre) > 0)"),
        ("tax against its rate", "invoice.taxMinor * 100 == invoice.netMinor * 19"),
        ("route by entity and risk", "entity.code == 'DE01' ? (supplier.risk == 'low' ? 'auto' : 'review') : 'manual'"),
    ]

    /// What only we have: exact numbers.
    static let exact: [(name: String, source: String)] = [
        ("exact amount above a limit", "decimal(invoice.gross) > decimal('2500.00')"),
        ("money of one currency", "money(invoice.total) <= money('2500.00', 'EUR')"),
    ]

    static let data = """
        {"invoice": {"number": "AB-123456", "currency": "EUR", "grossMinor": 238000, "netMinor": 200000, "taxMinor": 38000,
        "gross": "2380.00", "total": {"amount": "2380.00", "currency": "EUR"}, "orderRef": "PO-7781", "lines": [
        {"netMinor": 120000, "account": "6300", "costCentre": "1100"},
        {"netMinor": 50000, "account": "6301", "costCentre": "1100"},
        {"netMinor": 30000, "account": "6845", "costCentre": "1200"}]},
        "supplier": {"country": "NL", "risk": "low", "isNew": false}, "entity": {"code": "DE01"}}
        """

    private static let names = ["invoice", "supplier", "entity"]

    private let folder: String
    private let python: String
    private let say: @Sendable (String) -> Void

    /// `python` is the interpreter that has cel-python; `folder` takes its answers and is replaced.
    package init(folder: String, python: String, say: @escaping @Sendable (String) -> Void) throws {
        try OwnFolder.claim(folder, flavour: "bench", replaces: true)
        self.folder = folder
        self.python = python
        self.say = say
    }

    package func run() async throws -> [BenchResult] {
        let data: JSONValue
        do throws(JSONParseFailure) { data = try JSONValue(parsing: BenchExpressions.data) } catch {
            throw Fault("bench cel", "the sample data cannot be read: \(error.message)", isRetryable: false)
        }
        let values = BenchExpressions.names.map { name in data[name].map { CELValue($0) } }
        say("measuring expressions")
        let own = try BenchExpressions.samples.map { try measured($0.source, values) }
        let exact = try BenchExpressions.exact.map { try measured($0.source, values) }
        let theirs = try await pythonTimes()
        var results: [BenchResult] = []
        for (index, sample) in BenchExpressions.samples.enumerated() {
            let ratio = theirs.map { "cel-python \($0[index]) ns, \($0[index] / max(1, own[index])) times as long" }
            results.append(BenchResult("cel \(sample.name)", own[index], "ns", note: ratio ?? sample.source))
        }
        for (sample, value) in zip(BenchExpressions.exact, exact) {
            results.append(BenchResult("cel \(sample.name)", value, "ns", note: sample.source))
        }
        results.append(
            BenchResult(
                "cel typical policy cell", Percentile.of(own, permille: 500), "ns", bar: BenchExpressions.evaluationBar,
                note: "median of \(own.count) expressions, best of \(BenchExpressions.roundsMeasured) rounds each"))
        if let theirs {
            let shares = zip(own, theirs).map { $0 * 1000 / max(1, $1) }
            let total = (own.reduce(0, +), theirs.reduce(0, +))
            results.append(
                BenchResult(
                    "cel against cel-python", total.0 * 1000 / max(1, total.1), "‰ of its time", bar: BenchExpressions.ratioBar,
                    note: "\(total.1 / max(1, total.0)) times as fast over all, worst \(shares.max() ?? 0) ‰; \(python)"))
        }
        return results
    }

    /// Nanoseconds of one evaluation: the best of several rounds, so that neighbours on the machine do not count.
    private func measured(_ source: String, _ values: [CELValue?]) throws -> Int64 {
        let expression: CompiledExpression
        do throws(ExpressionFailure) {
            expression = try CompiledExpression(source, in: ExpressionScope(BenchExpressions.names))
        } catch {
            throw Fault("bench cel", "\(source): \(error)", isRetryable: false)
        }
        let clock = ContinuousClock()
        var best = Int64.max
        var turns: Int64 = 1000
        for _ in 0..<BenchExpressions.roundsMeasured {
            let began = clock.now
            do throws(ExpressionFailure) {
                for _ in 0..<turns { _ = try expression.value(at: values) }
            } catch {
                throw Fault("bench cel", "\(source): \(error)", isRetryable: false)
            }
            let took = BenchExpressions.nanoseconds(clock.now - began)
            best = min(best, took / turns)
            turns = max(1000, BenchExpressions.roundMilliseconds * 1_000_000 / max(1, best))
        }
        return best
    }

    private static func nanoseconds(_ span: Duration) -> Int64 {
        span.components.seconds * 1_000_000_000 + span.components.attoseconds / 1_000_000_000
    }

    /// Nil, said aloud, when there is no Python with cel-python.
    private func pythonTimes() async throws -> [Int64]? {
        let log = folder + "/cel-python.json"
        let input: JSONValue = [
            "samples": .array(BenchExpressions.samples.map { .string($0.source) }), "data": .string(BenchExpressions.data),
        ]
        let child: ChildProcess
        do throws(Fault) {
            child = try ChildProcess.start(
                python, ["-c", BenchExpressions.script], name: "python", log: log, input: Array(input.text.utf8))
        } catch {
            return absent(error.description)
        }
        guard await child.waitForEnd() == .exited(0) else {
            // Without its output there is only the fact that it failed.
            let told = (try? FileBytes.read(log, maxBytes: 100_000)).map { String(decoding: $0.suffix(300), as: UTF8.self) }
            return absent(told ?? "it said nothing")
        }
        let answer = try FileBytes.read(log, maxBytes: 100_000)
        guard let line = String(decoding: answer, as: UTF8.self).split(separator: "\n").last,
            let json = try? JSONValue(parsing: String(line)),  // What is no JSON is no answer.
            let times = json.array?.compactMap(\.int64), times.count == BenchExpressions.samples.count
        else { return absent("its answer cannot be read") }
        return times
    }

    private func absent(_ why: String) -> [Int64]? {
        say("no comparison: \(python) has no cel-python (\(why)); name an interpreter that has it with --python")
        return nil
    }

    /// Compiles once, evaluates for a while, prints nanoseconds per evaluation.
    private static let script = """
        import json, sys, time
        import celpy
        given = json.load(sys.stdin)
        data = celpy.json_to_cel(json.loads(given["data"]))
        activation = {str(name): value for name, value in data.items()}
        environment = celpy.Environment()
        times = []
        for source in given["samples"]:
            program = environment.program(environment.compile(source))
            best = None
            for _ in range(3):
                turns = 0
                began = time.perf_counter_ns()
                while time.perf_counter_ns() - began < 150_000_000:
                    program.evaluate(activation)
                    turns += 1
                took = (time.perf_counter_ns() - began) // turns
                best = took if best is None or took < best else best
            times.append(best)
        print(json.dumps(times))
        """
}
