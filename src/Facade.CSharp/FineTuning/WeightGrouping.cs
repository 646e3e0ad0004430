namespace MappingNets;

/// <summary>Which of the chosen weights form a group that one latent moves.</summary>
public enum WeightGrouping
{
    /// <summary>Neighbours; the groups are spread evenly over the chosen weights.</summary>
    Contiguous,

    /// <summary>Weights from anywhere among the chosen ones, drawn by the seed.</summary>
    Hashed,
}

/// <summary>How a head that was started anew is trained.</summary>
public enum HeadTraining
{
    /// <summary>Each of its weights is trained itself; an adapter holds them.</summary>
    Direct,

    /// <summary>It is treated like every other layer: only what moves those moves it.</summary>
    Mapped,
}
