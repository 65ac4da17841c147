/// How the records of one source are dealt out to the peers of a swarm.
package enum PartitionScheme: Sendable, Hashable {
    /// At random, in equal numbers (they differ by one at most).
    case iid
    /// Each category to one peer, the largest first to whoever has least; with more peers than categories, the peers of
    /// one category share it.
    case category
    /// The records sorted by category and cut into `perPeer` equal shards a peer, dealt out at random (McMahan et al.,
    /// 2017, with labels; Shepherd with categories and two shards).
    case shards(perPeer: Int = 2)
    /// Every category split in proportions drawn from a symmetric Dirichlet distribution; smaller `alpha`, more unequal.
    /// A peer that has its equal share already gets nothing of a category (as in Shepherd), and the draw is repeated until
    /// every peer holds `minimum` records.
    case dirichlet(alpha: Double, minimum: Int = 1)
    /// Shuffled records in unequal numbers drawn from a symmetric Dirichlet distribution, at least `minimum` each.
    case quantity(alpha: Double, minimum: Int = 1)
}
