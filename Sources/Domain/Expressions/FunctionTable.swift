/// Every function by name, with the arities and the ways of calling it.
struct FunctionTable: Sendable {
    enum Style: Sendable { case global, member, either }

    enum Answer {
        case found(FunctionBody)
        case unknown
        case wrongArity(String)
    }

    struct Form: Sendable {
        let style: Style
        /// Arguments without the target.
        let arity: ClosedRange<Int>
        let body: FunctionBody
    }

    private var forms: [String: [Form]] = [:]

    static let standard: FunctionTable = {
        var table = FunctionTable()
        ConversionFunctions.add(to: &table)
        TextFunctions.add(to: &table)
        TimeFunctions.add(to: &table)
        ExactFunctions.add(to: &table)
        MathFunctions.add(to: &table)
        CollectionFunctions.add(to: &table)
        OptionalFunctions.add(to: &table)
        FormatFunctions.add(to: &table)
        return table
    }()

    mutating func add(_ name: String, _ style: Style, _ arity: ClosedRange<Int>, _ body: @escaping FunctionBody) {
        forms[name, default: []].append(Form(style: style, arity: arity, body: body))
    }

    mutating func add(_ name: String, _ style: Style, _ arity: Int, _ body: @escaping FunctionBody) {
        add(name, style, arity...arity, body)
    }

    /// In alphabetical order.
    var names: [String] { forms.keys.sorted() }

    func knows(_ name: String) -> Bool { forms[name] != nil }

    /// Finds the body for a call. A form that may be called both ways counts its target as one of `arity`'s arguments.
    func find(_ name: String, isMember: Bool, argumentCount: Int) -> Answer {
        guard let candidates = forms[name] else { return .unknown }
        for form in candidates {
            let count: Int
            switch form.style {
            case .global:
                guard !isMember else { continue }
                count = argumentCount
            case .member:
                guard isMember else { continue }
                count = argumentCount
            case .either: count = isMember ? argumentCount + 1 : argumentCount
            }
            if form.arity.contains(count) { return .found(form.body) }
        }
        let wanted = candidates.map { form in
            let extra = form.style == .either && isMember ? 1 : 0
            let low = form.arity.lowerBound - extra
            let high = form.arity.upperBound - extra
            return low == high ? "\(low)" : "\(low) to \(high)"
        }
        return .wrongArity(wanted.joined(separator: " or "))
    }
}
