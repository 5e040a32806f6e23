internal import Kernel

/// A generator for property tests: the same seed gives the same run. Print the seed, and a failure can be repeated.
package struct SeededEntropy: RandomNumberGenerator, Sendable {
    package let seed: UInt64
    private var state: UInt64

    package init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// A seed drawn from the system and printed with the property's name.
    package init(printingFor property: String) {
        self.init(seed: Entropy.system.next())
        print("seed \(seed) for: \(property)")
    }

    /// SplitMix64.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
