package import LinearAlgebra

/// How an engine computes. Results are the same to the last bit for the same options, the same passes and the same kind
/// of processor.
package struct EngineOptions: Sendable, Hashable {
    /// What the large products are computed in.
    package var precision: ProductPrecision
    /// The number of threads that share each pass, the caller's among them. Sums over rows are taken in as many parts.
    package var threads: Int
    /// How many tokens go through the layers at a time; longer batches are several passes whose gradients add up. It
    /// sets the memory. Nil leaves it to the engine: `usualPassTokens`.
    package var passTokens: Int?
    /// Whether layers keep their input only and compute the rest again in the backward pass: a third more work, a tenth
    /// of the activations' memory.
    package var savesMemory: Bool

    package init(
        precision: ProductPrecision = .float32, threads: Int = 1, passTokens: Int? = nil, savesMemory: Bool = false
    ) {
        precondition(threads > 0 && passTokens ?? 1 > 0, "a pass has a thread and room for a token")
        self.precision = precision
        self.threads = threads
        self.passTokens = passTokens
        self.savesMemory = savesMemory
    }

    /// The tokens of a pass over weights kept in the form `storage`, unless the options say. More threads gain from more
    /// rows: they wait for one another less often, and each panel of a weight serves more rows. The activations that
    /// takes are spent only where short weights have saved as much, and not where a model is kept in blocks: that is done
    /// to fit it into little memory.
    package func usualPassTokens(over storage: WeightStorage) -> Int {
        storage == .float32 || storage.isBlocks || threads == 1 ? 256 : 512
    }
}
