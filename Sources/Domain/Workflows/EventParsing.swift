import Expressions
import Kernel
import Policies

/// Steps that send events and steps that wait for them.
extension DefinitionParser {
    mutating func emitAction(_ task: AssetReader) -> StepAction? {
        guard let json = task.object["emit"], let emit = AssetReader(json, at: task.path("emit"), "emit", issues: &issues),
            let event = attributes(of: emit, "event")
        else { return nil }
        emit.close(["event"] + (flow == .context ? ["kept"] : []), issues: &issues)
        let kept = emit.object["kept"].flatMap { milliseconds($0, at: emit.path("kept")) }.map { max(1, $0 / 1000) }
        if let kept, kept > RunBounds.eventKeptSecondsMax {
            let days = RunBounds.eventKeptSecondsMax / 86_400
            issues.append(
                AssetIssue(
                    emit.path("kept"), "An event is kept for \(days) days at most.", remedy: "Write \(days) days or less."))
        }
        if event.object["type"] == nil { event.missing("type", issues: &issues) }
        for key in event.object.keys { checkAttribute(key, at: event.path(key)) }
        return .emit(
            Template.parse(.object(event.object), in: scope, at: event.pointer, issues: &issues), keptSeconds: kept)
    }

    private mutating func attributes(of reader: AssetReader, _ member: String) -> AssetReader? {
        guard let json = reader.object[member] else {
            reader.missing(member, issues: &issues)
            return nil
        }
        guard let event = AssetReader(json, at: reader.path(member), "event", issues: &issues) else { return nil }
        event.close(["with"], issues: &issues)
        guard let with = event.object["with"] else {
            event.missing("with", issues: &issues)
            return nil
        }
        return AssetReader(with, at: event.path("with"), "event", issues: &issues)
    }

    /// Names of attributes as CloudEvents has them.
    mutating func checkAttribute(_ name: String, at pointer: String) {
        let isName =
            !name.isEmpty && name.utf8.count <= 20
            && name.utf8.allSatisfy {
                ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z")) || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9"))
            }
        if !isName {
            issues.append(
                AssetIssue(
                    pointer, "`\(name.prefix(60))` is no attribute of an event.",
                    remedy: "Attributes have up to 20 lower-case letters and digits; put everything else into `data`."))
        }
    }

    mutating func listenAction(_ task: AssetReader) -> StepAction? {
        guard let json = task.object["listen"], let listen = AssetReader(json, at: task.path("listen"), "listen", issues: &issues)
        else { return nil }
        listen.close(["to", "read"] + (flow == .context ? ["kept", "consume"] : []), issues: &issues)
        let consume = listen.optionalText("consume", issues: &issues) ?? Subscription.Takes.all.rawValue
        let takes = Subscription.Takes(rawValue: consume)
        if takes == nil {
            issues.append(
                AssetIssue(
                    listen.path("consume"), "`consume` says whether one run takes an event, or all that wait for it.",
                    remedy: "Write `one` or `all`."))
        }
        let read = listen.optionalText("read", issues: &issues) ?? "data"
        if read != "data", read != "envelope" {
            issues.append(AssetIssue(listen.path("read"), "`read` is data or envelope.", remedy: "Write `data` or `envelope`."))
        }
        let kept = listen.object["kept"].flatMap { milliseconds($0, at: listen.path("kept"), least: 0) }.map { $0 / 1000 }
        guard let json = listen.object["to"] else {
            listen.missing("to", issues: &issues)
            return nil
        }
        guard let to = AssetReader(json, at: listen.path("to"), "listener", issues: &issues) else { return nil }
        to.close(["one", "any", "all"], issues: &issues)
        let needs = [ListenRule.Need.one, .any, .all].filter { to.object[$0.rawValue] != nil }
        guard needs.count == 1 else {
            issues.append(
                AssetIssue(to.pointer, "A step listens to one event, to any or to all of some.", remedy: "Write one of them."))
            return nil
        }
        var filters: [EventFilter] = []
        if needs[0] == .one {
            if let one = filter(to.object["one"] ?? .null, at: to.path("one")) { filters.append(one) }
        } else {
            let list = to.list(needs[0].rawValue, upTo: RunBounds.filtersMax, isRequired: true, issues: &issues)
            if list.isEmpty {
                issues.append(
                    AssetIssue(to.path(needs[0].rawValue), "The step listens to nothing.", remedy: "Name an event."))
            }
            filters = list.compactMap { filter($0.value, at: $0.pointer) }
        }
        return .listen(
            ListenRule(
                need: needs[0], filters: filters, readsData: read == "data", keptSeconds: kept ?? RunBounds.eventKeptSeconds,
                takes: takes ?? .all))
    }

    mutating func filter(_ json: JSONValue, at pointer: String) -> EventFilter? {
        guard let reader = AssetReader(json, at: pointer, "filter", issues: &issues) else { return nil }
        reader.close(["with", "when", "correlate"], issues: &issues)
        var attributes: [(name: String, value: Template)] = []
        if let json = reader.object["with"], let with = AssetReader(json, at: reader.path("with"), "event", issues: &issues) {
            for key in with.object.keys {
                checkAttribute(key, at: with.path(key))
                if let value = template(key, of: with, isRequired: true) { attributes.append((name: key, value: value)) }
            }
            if with.object["type"] == nil { with.missing("type", issues: &issues) }
        } else if reader.object["with"] == nil {
            reader.missing("with", issues: &issues)
        }
        let (when, correlations) = naming(["event"], at: pointer) { parser in
            (parser.expression("when", of: reader, isRequired: false), parser.correlations(of: reader))
        }
        return EventFilter(attributes: attributes, when: when, correlations: correlations)
    }

    private mutating func correlations(
        of reader: AssetReader
    ) -> [EventCorrelation] {
        guard let json = reader.object["correlate"],
            let correlate = AssetReader(json, at: reader.path("correlate"), "correlation", issues: &issues)
        else { return [] }
        var out: [EventCorrelation] = []
        for key in correlate.object.keys.prefix(RunBounds.filtersMax) {
            guard
                let one = AssetReader(
                    correlate.object[key] ?? .null, at: correlate.path(key), "correlation", issues: &issues)
            else { continue }
            one.close(["from", "expect"], issues: &issues)
            guard let from = expression("from", of: one, isRequired: true) else { continue }
            out.append(
                EventCorrelation(
                    name: key, from: from, expect: one.object["expect"] == nil ? nil : mapping("expect", of: one),
                    readsEventAlone: EventReading.Part.expression(from.source).compiled != nil))
        }
        return out
    }
}
