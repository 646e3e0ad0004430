using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A module of two inputs: token ids, and numbers beside them.</summary>
internal sealed class TokensAndNumbers : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Embedding table;
    private readonly Linear head;

    public TokensAndNumbers()
        : base("both")
    {
        table = nn.Embedding(12, 4);
        head = nn.Linear(6, 3);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens, Tensor numbers) => head.call(cat([table.call(tokens).mean([1]), numbers], 1));
}
