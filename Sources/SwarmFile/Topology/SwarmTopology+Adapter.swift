package import Adapters
import Aggregation

extension SwarmTopology {
    /// How many rows of every A and columns of every B hold the residual of averaged products; zero where there is none.
    package var residualRank: Int {
        exchange.factors == .productResidual ? exchange.residualRank ?? 3 * model.lora.rank : 0
    }

    /// The adapter that peers carry: the one that the file asks for, with the residual's rank.
    package var carriedAdapter: LoRAConfiguration { model.lora.widened(by: residualRank) }

    /// The same swarm without a residual, where each arm of a comparison but gossip trains.
    package var withoutResidual: SwarmTopology {
        guard residualRank > 0 else { return self }
        var topology = self
        topology.exchange.factors = .both
        return topology
    }

    /// Refuses a residual that the adapter or a trainer does not allow.
    func checkResidual(at place: TopologyValue?) throws {
        guard residualRank > 0, let place else { return }
        let keys = try place.section(keys: Exchange.keys.map(\.name))
        let key = keys["residual-rank"] ?? keys["factors"] ?? place
        let most = carriedAdapter.alphaExceptions.reduce(carriedAdapter.alpha) { max($0, $1.value) }
        guard most <= Self.largestAlpha else {
            throw key.error(
                "with a residual of rank \(residualRank) the alpha \(model.lora.alpha) of the adapter becomes \(most), and "
                    + "adapters have at most \(Int(Self.largestAlpha)); give a smaller residual-rank or alpha")
        }
        let trainers = [completion.trainer] + peers.compactMap(\.trainer)
        guard trainers.allSatisfy({ $0 == .builtIn }) else {
            throw key.error(
                "\"product-residual\" goes with trainer: built-in only: a trainer of its own would train the residual "
                    + "too; give product")
        }
    }

    /// What alphas of adapters may be, as their files are read.
    private static let largestAlpha = 1e6
}
