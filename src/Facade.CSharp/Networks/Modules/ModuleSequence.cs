using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A borrowed Sequential as parts that run one after another, so that each takes its weights when its turn comes. A part is a child that has
/// weights, with the children without weights that follow it: what they change in place is then never another part's.
/// </summary>
internal sealed class ModuleSequence
{
    private ModuleSequence(IReadOnlyList<Part> parts) => Parts = parts;

    /// <summary>The parts in order.</summary>
    public IReadOnlyList<Part> Parts { get; }

    /// <summary>The parts of a module; null where it has none that run one after another.</summary>
    /// <param name="module">The module.</param>
    /// <param name="borrowed">The same module on loan.</param>
    /// <param name="missing">What stands in the way, and what to do; null where nothing does.</param>
    public static ModuleSequence? Of(nn.Module module, BorrowedModule borrowed, out string? missing)
    {
        var children = module.named_children().ToArray();
        var owners = borrowed.Parameters.Generated.Select(parameter => ChildOf(parameter.Name)).ToArray();
        missing = module.GetType() != typeof(Sequential) || children.Length != ((Sequential)module).Count
            ? $"the module of '{borrowed.Name}' is a {module.GetType().Name}, which alone knows the order of its parts; make it a Sequential of them"
            : children.FirstOrDefault(child => child.module is not nn.IModule<Tensor, Tensor>).name is { } odd
            ? $"the child '{odd}' of '{borrowed.Name}' does not take one tensor and put out one"
            : Tie(children) is { } tie
            ? $"'{tie.Name}' of '{borrowed.Name}' is the same parameter as '{tie.First}' of another child; give each child parameters of its own"
            : null;
        if (missing is not null)
            return null;

        var parts = new List<Part>();
        var taken = new List<(string Name, nn.Module Module)>();
        foreach (var child in children)
        {
            if (owners.Contains(child.name) && taken.Any(earlier => owners.Contains(earlier.Name)))
                Close();
            taken.Add(child);
        }

        Close();
        return new(parts);

        void Close()
        {
            parts.Add(new(borrowed, [.. taken.Select(child => child.Name)], [.. taken.Select(child => (nn.IModule<Tensor, Tensor>)child.Module)]));
            taken.Clear();
        }
    }

    // Trained or frozen: what one child was given would be the other's too.
    private static (string Name, string First)? Tie(IEnumerable<(string Name, nn.Module Module)> children)
    {
        var seen = new Dictionary<TensorMemory, (string Child, string Name)>();
        foreach (var (child, module) in children)
            foreach (var (name, parameter) in module.named_parameters())
                if (!seen.TryAdd(TensorMemory.Of(parameter), (child, $"{child}.{name}")) && seen[TensorMemory.Of(parameter)] is var first && first.Child != child)
                    return ($"{child}.{name}", first.Name);
        return null;
    }

    private static string ChildOf(string name) => name.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? name[..dot] : name;

    /// <summary>Neighbouring children of the module.</summary>
    internal sealed class Part : LentModule
    {
        private readonly BorrowedModule whole;
        private readonly nn.IModule<Tensor, Tensor>[] children;
        private readonly int[] buffers;
        private long writes;

        /// <summary>Takes some children.</summary>
        /// <param name="whole">The module on loan.</param>
        /// <param name="names">Their names in it.</param>
        /// <param name="children">The children.</param>
        public Part(BorrowedModule whole, string[] names, nn.IModule<Tensor, Tensor>[] children)
        {
            (this.whole, this.children) = (whole, children);
            var own = whole.Parameters.Generated.Index().Where(pair => names.Contains(ChildOf(pair.Item.Name))).ToArray();
            (First, Generated) = (own.Length == 0 ? 0 : own[0].Index, [.. own.Select(pair => pair.Item)]);
            buffers = [.. whole.BufferSpecifications.Index().Where(pair => names.Contains(ChildOf(pair.Item.Name))).Select(pair => pair.Index)];
        }

        /// <summary>The place of its first parameter among the module's; its parameters are neighbours there.</summary>
        public int First { get; }

        /// <inheritdoc/>
        public override object Gate => whole.Gate;

        /// <inheritdoc/>
        public override IReadOnlyList<ModuleParameters.Entry> Generated { get; }

        /// <inheritdoc/>
        public override bool NeedsGradientMode => whole.NeedsGradientMode;

        /// <inheritdoc/>
        public override long Writes => whole.WholeWrites + writes;

        /// <summary>What is its own of something of each of the module's buffers.</summary>
        public IReadOnlyList<Tensor> Own(IReadOnlyList<Tensor> ofAll) => [.. buffers.Select(buffer => ofAll[buffer])];

        /// <inheritdoc/>
        public override IReadOnlyList<Tensor> Buffers() => Own(whole.Buffers());

        /// <inheritdoc/>
        public override void Write(IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> state, bool training)
        {
            if (whole.WritePart(First, weights, Buffers(), state, training))
                writes++;
        }

        /// <inheritdoc/>
        public override Tensor Run(IReadOnlyList<Tensor> inputs)
        {
            var value = inputs[0];
            foreach (var child in children)
                value = child.call(value);
            return value;
        }
    }
}
