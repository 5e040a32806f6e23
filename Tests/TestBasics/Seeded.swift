internal import Glibc

/// Random choices that can be repeated (SplitMix64): the same seed gives the same test.
package struct Seeded: RandomNumberGenerator, Sendable {
    package let seed: UInt64
    private var state: UInt64

    package init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// A fresh seed, printed with what it is for. `COUNTERSIGN_SEED` names a printed one instead and so repeats its run.
    package init(_ property: String) {
        let given = getenv("COUNTERSIGN_SEED").flatMap { UInt64(String(cString: $0)) }
        var system = SystemRandomNumberGenerator()
        self.init(seed: given ?? system.next())
        print("seed \(seed) for: \(property)")
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    package mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    package mutating func isLucky(oneIn sides: Int) -> Bool { int(1...sides) == 1 }

    /// Nil when there is nothing to choose from.
    package mutating func pick<Item>(_ items: [Item]) -> Item? { items.randomElement(using: &self) }
}
