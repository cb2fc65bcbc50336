import sys
from pathlib import Path

# the broken components lie beside their tests, and specs name them as modules
sys.path.insert(0, str(Path(__file__).parent))
