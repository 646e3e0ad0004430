namespace MappingNets.Tests.Repository;

/// <summary>A use of one room's type in another room, at the place where it stands.</summary>
/// <param name="From">The room that uses.</param>
/// <param name="To">The room that is used.</param>
/// <param name="Type">The used type, by its short name.</param>
/// <param name="Place">File, relative to the repository, and line, counted from one.</param>
internal sealed record Arrow(string From, string To, string Type, string Place)
{
    /// <summary>The arrow without its place: what two uses of one type in one room have in common.</summary>
    public string Name => $"{From} -> {To}: {Type}";

    /// <inheritdoc/>
    public override string ToString() => $"{Place}: {Type}: {From} -> {To}";
}
