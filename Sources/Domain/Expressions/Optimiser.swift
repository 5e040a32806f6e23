/// Makes a plan shorter without changing what it means: constant parts are worked out once, fields of a variable are read in one
/// step, constant patterns are compiled.
struct Optimiser {
    /// Constant parts that can never have a value, such as `decimal("x")`.
    private(set) var failures: [ExpressionFailure] = []

    mutating func shortened(_ plan: Plan) -> Plan {
        switch plan {
        case .constant, .root, .local, .path, .failure, .matches: return plan
        case .select(let operand, let field, let at): return path(shortened(operand), field, at)
        case .optionalSelect(let operand, let field, let at): return folded(.optionalSelect(shortened(operand), field, at))
        case .has(let operand, let field, let at): return folded(.has(shortened(operand), field, at))
        case .index(let operand, let key, let at): return folded(.index(shortened(operand), shortened(key), at))
        case .optionalIndex(let operand, let key, let at):
            return folded(.optionalIndex(shortened(operand), shortened(key), at))
        case .list(let items, let at):
            return folded(.list(items.map { PlannedItem(value: shortened($0.value), isOptional: $0.isOptional) }, at))
        case .map(let entries, let at):
            return folded(
                .map(
                    entries.map {
                        PlannedEntry(key: shortened($0.key), value: shortened($0.value), isOptional: $0.isOptional)
                    }, at))
        case .conditional(let test, let yes, let no, let at):
            return .conditional(shortened(test), shortened(yes), shortened(no), at)
        case .and(let operands, let at): return .and(operands.map { shortened($0) }, at)
        case .or(let operands, let at): return .or(operands.map { shortened($0) }, at)
        case .not(let operand, let at): return folded(.not(shortened(operand), at))
        case .negate(let operand, let at): return folded(.negate(shortened(operand), at))
        case .equal(let left, let right, let isNegated, let at):
            return folded(.equal(shortened(left), shortened(right), isNegated: isNegated, at))
        case .compare(let left, let right, let sign, let at):
            return folded(.compare(shortened(left), shortened(right), sign, at))
        case .arithmetic(let left, let right, let sign, let at):
            return folded(.arithmetic(shortened(left), shortened(right), sign, at))
        case .member(let item, let range, let at): return folded(.member(shortened(item), shortened(range), at))
        case .call(let call, let operands, let at): return shortened(call, operands.map { shortened($0) }, at)
        case .fold(let fold): return .fold(shortened(fold))
        case .bind(let slot, let value, let body): return .bind(slot, shortened(value), shortened(body))
        case .optionalMap(let slot, let target, let body, let isFlat, let at):
            return .optionalMap(slot, shortened(target), shortened(body), isFlat: isFlat, at)
        case .optionalOr(let operand, let other, let givesValue, let at):
            return .optionalOr(shortened(operand), shortened(other), givesValue: givesValue, at)
        }
    }

    private mutating func shortened(_ fold: PlannedFold) -> PlannedFold {
        PlannedFold(
            shape: fold.shape, range: shortened(fold.range), firstSlot: fold.firstSlot, secondSlot: fold.secondSlot,
            condition: fold.condition.map { shortened($0) }, result: fold.result.map { shortened($0) }, offset: fold.offset)
    }

    private func path(_ operand: Plan, _ field: String, _ at: Int) -> Plan {
        switch operand {
        case .root(let slot, let name, _): .path(PlannedPath(slot: slot, name: name, fields: [field], offset: at))
        case .path(let path):
            .path(PlannedPath(slot: path.slot, name: path.name, fields: path.fields + [field], offset: at))
        default: .select(operand, field, at)
        }
    }

    private mutating func shortened(_ call: PlannedCall, _ operands: [Plan], _ at: Int) -> Plan {
        if call.name == "matches", operands.count == 2, case .constant(.string(let text)) = operands[1] {
            do throws(NoValue) {
                return .matches(operands[0], try LinearPattern(text), at)
            } catch {
                failures.append(ExpressionFailure(.evaluation, error.message, at: at))
            }
        }
        return folded(.call(call, operands, at))
    }

    /// The value of a part all of whose operands are constants, when it has one and is cheap.
    private mutating func folded(_ plan: Plan) -> Plan {
        guard Optimiser.operands(of: plan).allSatisfy(\.isConstant) else { return plan }
        // Nothing is given to it: a part that wants a zone, or costs too much, stays as it is.
        var evaluator = Evaluator(roots: [], slots: 0, costMax: ExpressionBounds.foldingCostMax, zones: nil)
        do throws(ExpressionFailure) {
            return .constant(try evaluator.evaluate(plan))
        } catch {
            if case .call(let call, _, _) = plan, Optimiser.readers.contains(call.name), error.kind == .evaluation {
                failures.append(error)
            }
            return plan
        }
    }

    /// Functions that read a constant text: when one of them cannot, the author mistyped it.
    private static let readers: Set<String> = ["decimal", "money", "timestamp", "duration"]

    private static func operands(of plan: Plan) -> [Plan] {
        switch plan {
        case .optionalSelect(let operand, _, _), .has(let operand, _, _), .not(let operand, _), .negate(let operand, _): [operand]
        case .index(let left, let right, _), .optionalIndex(let left, let right, _), .equal(let left, let right, _, _),
            .compare(let left, let right, _, _), .arithmetic(let left, let right, _, _), .member(let left, let right, _):
            [left, right]
        case .list(let items, _): items.map(\.value)
        case .map(let entries, _): entries.flatMap { [$0.key, $0.value] }
        case .call(_, let operands, _): operands
        default: [plan]
        }
    }
}

extension Plan {
    fileprivate var isConstant: Bool { if case .constant = self { true } else { false } }
}
