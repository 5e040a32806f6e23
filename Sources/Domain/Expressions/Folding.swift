/// Loops over lists and maps.
extension Evaluator {
    /// What a loop goes over, one turn at a time.
    private struct Turns {
        private let list: CELList
        private let entries: [(key: CELValue, value: CELValue)]
        private let isPaired: Bool

        init(_ list: CELList, isPaired: Bool) {
            self.list = list
            entries = []
            self.isPaired = isPaired
        }

        init(_ map: CELMap) {
            list = CELList([])
            entries = map.items
            isPaired = true
        }

        var count: Int { max(list.count, entries.count) }

        /// Index and item of a list, key and value of a map; a loop with one variable over a list has the item first.
        func turn(_ position: Int) -> (first: CELValue, second: CELValue) {
            if list.isEmpty { return (first: entries[position].key, second: entries[position].value) }
            return isPaired ? (first: .int(Int64(position)), second: list[position]) : (first: list[position], second: .null)
        }
    }

    private func turns(of range: CELValue, _ fold: PlannedFold) throws(ExpressionFailure) -> Turns {
        switch range {
        case .list(let list): return Turns(list, isPaired: fold.secondSlot != nil)
        case .map(let map): return Turns(map)
        default: throw failure("no such overload: a loop over \(range.typeName)", at: fold.offset)
        }
    }

    mutating func fold(_ fold: PlannedFold) throws(ExpressionFailure) -> CELValue {
        let turns = try turns(of: try evaluate(fold.range), fold)
        switch fold.shape {
        case .all: return try quantify(fold, turns, decisive: false)
        case .exists: return try quantify(fold, turns, decisive: true)
        case .existsOne:
            var count = 0
            for position in 0..<turns.count where try holds(fold, turns.turn(position)) { count += 1 }
            return .bool(count == 1)
        case .list:
            try charge(ExpressionCost.list, at: fold.offset)
            var out: [CELValue] = []
            for position in 0..<turns.count {
                let turn = turns.turn(position)
                guard try holds(fold, turn) else { continue }
                if let result = fold.result { out.append(try evaluate(result)) } else { out.append(turn.first) }
            }
            return .list(out)
        case .map, .mapEntries: return try makeMap(fold, turns)
        }
    }

    private mutating func makeMap(_ fold: PlannedFold, _ turns: Turns) throws(ExpressionFailure) -> CELValue {
        try charge(ExpressionCost.map, at: fold.offset)
        var out: [(key: CELValue, value: CELValue)] = []
        for position in 0..<turns.count {
            let turn = turns.turn(position)
            guard try holds(fold, turn), let result = fold.result else { continue }
            let value = try evaluate(result)
            if fold.shape == .map {
                out.append((key: turn.first, value: value))
                continue
            }
            guard case .map(let entries) = value else {
                throw failure("transformMapEntry needs a map as its result, not \(value.typeName)", at: fold.offset)
            }
            out.append(contentsOf: entries.items)
        }
        guard let map = CELMap(out) else { throw failure("a map key of an unsupported type, or made twice", at: fold.offset) }
        return .map(map)
    }

    /// Sets the loop variables and answers the condition; true without one.
    private mutating func holds(
        _ fold: PlannedFold, _ turn: (first: CELValue, second: CELValue)
    ) throws(ExpressionFailure) -> Bool {
        try charge(1, at: fold.offset)
        locals[fold.firstSlot] = turn.first
        if let second = fold.secondSlot { locals[second] = turn.second }
        guard let condition = fold.condition else { return true }
        guard case .bool(let flag) = try evaluate(condition) else {
            throw failure("no such overload: a condition has to be a bool", at: fold.offset)
        }
        return flag
    }

    private mutating func quantify(_ fold: PlannedFold, _ turns: Turns, decisive: Bool) throws(ExpressionFailure) -> CELValue {
        var first: ExpressionFailure?
        for position in 0..<turns.count {
            do throws(ExpressionFailure) {
                if try holds(fold, turns.turn(position)) == decisive { return .bool(decisive) }
            } catch {
                guard error.kind != .cost else { throw error }
                first = first ?? error
            }
        }
        if let first { throw first }
        return .bool(!decisive)
    }
}
