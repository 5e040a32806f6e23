/// What an evaluation can cost at most, before there is anything to evaluate over.
///
/// Sizes come from the types of the scope where they name a bound, else from `ExpressionBounds.itemsAssumed` and
/// `bytesAssumed`; the meter at run time holds whatever the assumption was worth.
struct CostEstimator {
    /// A value as far as its size matters.
    struct Sized {
        var type: CELType
        /// Bytes of a text, items of a list or map.
        var count: UInt64

        init(_ type: CELType, count: UInt64) {
            self.type = type
            self.count = count
        }

        /// A value of a type, as large as is assumed.
        init(_ type: CELType) {
            let count =
                switch type {
                case .list, .map, .dyn: ExpressionBounds.itemsAssumed
                case .string, .bytes: ExpressionBounds.bytesAssumed
                case .record(let record): record.fields.count
                default: 1
                }
            self.init(type, count: UInt64(count))
        }

        static let small = Sized(.int, count: 1)

        func item() -> Sized {
            switch type {
            case .list(let item): Sized(item)
            case .map(_, let value): Sized(value)
            default: Sized(.dyn)
            }
        }
    }

    typealias Estimate = (cost: UInt64, value: Sized)

    private let scope: ExpressionScope
    private var locals: [Sized]

    init(scope: ExpressionScope, slots: Int) {
        self.scope = scope
        locals = Array(repeating: .small, count: slots)
    }

    func estimate(_ plan: Plan) -> UInt64 {
        var walker = self
        return walker.walk(plan).cost
    }

    private mutating func walk(_ plan: Plan) -> Estimate {
        switch plan {
        case .constant(let value): return (0, CostEstimator.size(of: value))
        case .root(let slot, _, _): return (ExpressionCost.step, Sized(scope.types[slot]))
        case .local(let slot): return (ExpressionCost.step, locals[slot])
        case .path(let path):
            let value = path.fields.reduce(Sized(scope.types[path.slot])) { field($1, of: $0) }
            return (UInt64(path.fields.count) + ExpressionCost.step, value)
        case .select(let operand, let name, _), .optionalSelect(let operand, let name, _):
            let inner = walk(operand)
            return (ExpressionCost.sum(inner.cost, ExpressionCost.step), field(name, of: inner.value))
        case .has(let operand, _, _), .not(let operand, _), .negate(let operand, _):
            return (ExpressionCost.sum(walk(operand).cost, ExpressionCost.step), .small)
        case .index(let operand, let key, _), .optionalIndex(let operand, let key, _):
            let inner = walk(operand)
            return (total([inner.cost, walk(key).cost, ExpressionCost.step]), inner.value.item())
        case .list(let items, _):
            let cost = total(items.map { walk($0.value).cost } + [ExpressionCost.list])
            return (cost, Sized(.list(.dyn), count: UInt64(items.count)))
        case .map(let entries, _):
            let cost = total(entries.flatMap { [walk($0.key).cost, walk($0.value).cost] } + [ExpressionCost.map])
            return (cost, Sized(.map(.dyn, .dyn), count: UInt64(entries.count)))
        case .conditional(let test, let yes, let no, _):
            let (first, second) = (walk(yes), walk(no))
            let larger = first.value.count >= second.value.count ? first.value : second.value
            return (ExpressionCost.sum(walk(test).cost, max(first.cost, second.cost)), larger)
        case .and(let operands, _), .or(let operands, _): return (total(operands.map { walk($0).cost }), .small)
        case .equal(let left, let right, _, _), .compare(let left, let right, _, _): return compared(walk(left), walk(right))
        case .arithmetic(let left, let right, _, _): return combined(walk(left), walk(right))
        case .member(let item, let range, _): return searched(walk(item), walk(range))
        case .matches(let operand, let pattern, _):
            let inner = walk(operand)
            return (total([inner.cost, ExpressionCost.step, pattern.costMax(textBytes: inner.value.count)]), .small)
        case .call(let call, let operands, _): return called(call.name, operands.map { walk($0) })
        case .fold(let fold): return loop(fold)
        case .bind(let slot, let value, let body):
            let bound = walk(value)
            locals[slot] = bound.value
            let inner = walk(body)
            return (ExpressionCost.sum(bound.cost, inner.cost), inner.value)
        case .optionalMap(let slot, let target, let body, _, _):
            let inner = walk(target)
            locals[slot] = inner.value
            let mapped = walk(body)
            return (ExpressionCost.sum(inner.cost, mapped.cost), mapped.value)
        case .optionalOr(let operand, let other, _, _):
            let (first, second) = (walk(operand), walk(other))
            let larger = first.value.count >= second.value.count ? first.value : second.value
            return (total([first.cost, second.cost, ExpressionCost.step]), larger)
        case .failure: return (0, .small)
        }
    }

    private func total(_ parts: [UInt64]) -> UInt64 { parts.reduce(0, ExpressionCost.sum) }

    private func field(_ name: String, of value: Sized) -> Sized {
        switch value.type {
        case .record(let record):
            guard let field = record[name] else { return Sized(.dyn) }
            return field.countMax.map { Sized(field.type, count: UInt64($0)) } ?? Sized(field.type)
        case .map(_, let inner): return Sized(inner)
        default: return value.type.optionalValue.map { field(name, of: Sized($0)) } ?? Sized(.dyn)
        }
    }

    private func compared(_ left: Estimate, _ right: Estimate) -> Estimate {
        let compared = ExpressionCost.traversing(Int(clamping: min(left.value.count, right.value.count)))
        return (total([left.cost, right.cost, compared, ExpressionCost.step]), .small)
    }

    private func combined(_ left: Estimate, _ right: Estimate) -> Estimate {
        let count = ExpressionCost.sum(left.value.count, right.value.count)
        var value = left.value
        value.count = count
        let isList = if case .list = left.value.type { true } else { false }
        let copying = isList ? count : ExpressionCost.traversing(Int(clamping: count))
        return (total([left.cost, right.cost, copying, ExpressionCost.step]), value)
    }

    private func searched(_ item: Estimate, _ range: Estimate) -> Estimate {
        let each = ExpressionCost.sum(ExpressionCost.step, ExpressionCost.traversing(Int(clamping: item.value.count)))
        let isMap: Bool
        switch range.value.type {
        case .map, .record: isMap = true
        default: isMap = false
        }
        let turns = isMap ? ExpressionCost.step : ExpressionCost.product(range.value.count, each)
        return (total([item.cost, range.cost, turns, ExpressionCost.step]), .small)
    }

    private mutating func loop(_ fold: PlannedFold) -> Estimate {
        let range = walk(fold.range)
        let isList = if case .list = range.value.type { true } else { false }
        locals[fold.firstSlot] = fold.secondSlot == nil && isList ? range.value.item() : Sized(.dyn)
        if let second = fold.secondSlot {
            locals[fold.firstSlot] = .small
            locals[second] = range.value.item()
        }
        let condition = fold.condition.map { walk($0) }
        let result = fold.result.map { walk($0) }
        let turn = total([ExpressionCost.step, condition?.cost ?? 0, result?.cost ?? 0])
        let cost = total([range.cost, ExpressionCost.product(range.value.count, turn), ExpressionCost.map])
        switch fold.shape {
        case .all, .exists, .existsOne: return (cost, .small)
        case .list: return (cost, Sized(.list(result?.value.type ?? range.value.item().type), count: range.value.count))
        case .map: return (cost, Sized(.map(.dyn, result?.value.type ?? .dyn), count: range.value.count))
        case .mapEntries:
            let count = ExpressionCost.product(range.value.count, result?.value.count ?? 1)
            return (cost, Sized(.map(.dyn, .dyn), count: count))
        }
    }

    /// Functions that look for one text in another multiply; the rest read what they are given.
    private func called(_ name: String, _ operands: [Estimate]) -> Estimate {
        let counts = operands.map(\.value.count)
        let read = counts.reduce(0, ExpressionCost.sum)
        let traversed = ExpressionCost.traversing(Int(clamping: read))
        let bounded = min(read, UInt64(ExpressionBounds.stringBytesMax))
        var cost = total(operands.map(\.cost) + [ExpressionCost.step])
        var value = Sized.small
        switch name {
        case "contains", "indexOf", "lastIndexOf", "replace", "split", "matches":
            let first = ExpressionCost.traversing(Int(clamping: counts.first ?? 0))
            let second = ExpressionCost.traversing(Int(clamping: counts.dropFirst().first ?? 0))
            cost = total([cost, ExpressionCost.product(first, max(1, second)), traversed])
            if name == "replace" { value = Sized(.string, count: CostEstimator.replaced(counts)) }
            if name == "split" { value = Sized(.list(.string), count: counts.first ?? 0) }
        case "distinct":
            cost = ExpressionCost.sum(cost, ExpressionCost.product(read, read))
            value = operands[0].value
        case "size", "amount", "currency", "type", "hasValue", "optional.none": break
        case "value", "dyn", "optional.of", "optional.ofNonZeroValue", "first", "last":
            value = operands.first?.value ?? .small
            if name == "first" || name == "last" { value = value.item() }
        case "sum", "merge", "reverse", "join", "format", "optional.unwrap", "unwrapOpt":
            cost = ExpressionCost.sum(cost, read)
            value = Sized(operands.first?.value.type ?? .dyn, count: bounded)
        default:
            cost = ExpressionCost.sum(cost, traversed)
            value = Sized(.string, count: bounded)
        }
        return (cost, value)
    }

    /// At most, the replacement stands between all characters of the text: what looking for the empty text does.
    private static func replaced(_ counts: [UInt64]) -> UInt64 {
        let text = counts.first ?? 0
        let added = ExpressionCost.product(ExpressionCost.sum(text, 1), counts.dropFirst(2).first ?? 0)
        return min(ExpressionCost.sum(text, added), UInt64(Int32.max))
    }

    private static func size(of value: CELValue) -> Sized {
        switch value {
        case .string(let text): Sized(.string, count: UInt64(text.utf8.count))
        case .bytes(let bytes): Sized(.bytes, count: UInt64(bytes.count))
        case .list(let list): Sized(.list(.dyn), count: UInt64(list.count))
        case .map(let map): Sized(.map(.dyn, .dyn), count: UInt64(map.count))
        default: .small
        }
    }
}
