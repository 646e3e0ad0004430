namespace MappingNets;

/// <summary>The rank of one tensor, as files describe it.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="Rank">Its rank.</param>
internal sealed record TensorRank(string Name, int Rank);
