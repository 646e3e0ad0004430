namespace MappingNets;

/// <summary>How a head that was started anew is trained.</summary>
public enum HeadTraining
{
    /// <summary>Each of its weights is trained itself; an adapter holds them.</summary>
    Direct,

    /// <summary>It is treated like every other layer: only what moves those moves it.</summary>
    Mapped,
}
