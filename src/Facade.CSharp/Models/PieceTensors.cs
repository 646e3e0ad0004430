using MappingNets.Core;

namespace MappingNets;

/// <summary>Which tensors of a target a piece of a mapping generates.</summary>
internal static class PieceTensors
{
    /// <summary>Their places in the layout.</summary>
    public static IReadOnlyList<int> PlacesIn(this MappingPiece piece, ParameterLayout layout) =>
    [
        .. layout.Entries.Index()
            .Where(pair => pair.Item.Offset >= piece.FirstRow && pair.Item.Offset < piece.FirstRow + piece.Rows)
            .Select(pair => pair.Index),
    ];
}
